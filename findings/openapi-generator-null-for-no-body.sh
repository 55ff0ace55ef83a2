#!/usr/bin/env bash
# openapi-generator-cli 7.25.0: where a request body is optional (`required: false` in OpenAPI 3.1) and the caller leaves
# it out, the generated Java (java.net.http) and Rust (reqwest) clients do not leave it out: they send the JSON text
# `null`, declared as application/json. One expects no body. `null` fits no schema of `type: object`, so a server that
# validates answers an error to the call that the document allows.
# This API takes `null` for none in a POST, and refuses it with 422 in a PUT (lib/http/request/request-body.ts).
# The Java client is compiled and called here. Of the Rust client, whose packages take minutes to compile on a busy
# machine, only the lines that give the body are shown: they are not within an `if let Some`, as the user agent's is.
# Seen on 2026-11-28:
#   Java, no body given: POST /notes, application/json, 4 bytes: null
#   Java, a body given: POST /notes, application/json, 15 bytes: {"text":"milk"}
#   Rust: let p_body_note_input = note_input;
#   Rust: req_builder = req_builder.json(&p_body_note_input);
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >openapi.json <<'JSON'
{
  "openapi": "3.1.0",
  "info": { "title": "Notes", "version": "1" },
  "paths": {
    "/notes": {
      "post": {
        "operationId": "createNote",
        "requestBody": {
          "required": false,
          "content": { "application/json": { "schema": { "$ref": "#/components/schemas/NoteInput" } } }
        },
        "responses": { "204": { "description": "Created" } }
      }
    }
  },
  "components": { "schemas": { "NoteInput": { "type": "object", "properties": { "text": { "type": "string" } } } } }
}
JSON
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>client</artifactId><version>0</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>com.fasterxml.jackson.core</groupId><artifactId>jackson-databind</artifactId><version>2.21.5</version></dependency>
    <dependency><groupId>com.fasterxml.jackson.datatype</groupId><artifactId>jackson-datatype-jsr310</artifactId><version>2.21.5</version></dependency>
    <dependency><groupId>org.openapitools</groupId><artifactId>jackson-databind-nullable</artifactId><version>0.2.11</version></dependency>
    <dependency><groupId>com.google.code.findbugs</groupId><artifactId>jsr305</artifactId><version>3.0.2</version></dependency>
    <dependency><groupId>jakarta.annotation</groupId><artifactId>jakarta.annotation-api</artifactId><version>1.3.5</version></dependency>
  </dependencies>
</project>
XML
maven() { mvn -B -q -ntp "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:$1" "${@:2}"; }
maven copy-dependencies -DoutputDirectory=jars
maven copy -DoutputDirectory=. -Dmdep.stripVersion=true -Dartifact=org.openapitools:openapi-generator-cli:7.25.0
generate() {
  java -jar openapi-generator-cli.jar generate --input-spec openapi.json --generator-name "$1" --library "$2" --output "$1" \
    --additional-properties "$3" --global-property apis,models,supportingFiles,apiTests=false,modelTests=false >>log
}
generate java native invokerPackage=api,apiPackage=api,modelPackage=api
generate rust reqwest supportAsync=false

cat >Call.java <<'JAVA'
import api.*;
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

class Call {
  static String arrived;

  public static void main(String[] arguments) throws Exception {
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext("/", exchange -> {
      var body = exchange.getRequestBody().readAllBytes();
      arrived = "%s %s, %s, %d bytes: %s".formatted(exchange.getRequestMethod(), exchange.getRequestURI(),
          exchange.getRequestHeaders().getFirst("Content-Type"), body.length, new String(body, StandardCharsets.UTF_8));
      exchange.sendResponseHeaders(204, -1);
      exchange.close();
    });
    server.start();
    var client = new ApiClient();
    client.updateBaseUri("http://127.0.0.1:" + server.getAddress().getPort());
    var notes = new DefaultApi(client);
    notes.createNote(null);
    System.out.println("Java, no body given: " + arrived);
    notes.createNote(new NoteInput().text("milk"));
    System.out.println("Java, a body given: " + arrived);
    System.exit(0);
  }
}
JAVA
javac -encoding UTF-8 -nowarn -classpath 'jars/*' -d classes java/src/main/java/api/*.java Call.java
{
  java -classpath 'classes:jars/*' Call
  grep -h 'note_input;\|req_builder.json' rust/src/apis/default_api.rs | sed 's/^ */Rust: /'
} | tee seen
diff seen - <<'SEEN'
Java, no body given: POST /notes, application/json, 4 bytes: null
Java, a body given: POST /notes, application/json, 15 bytes: {"text":"milk"}
Rust: let p_body_note_input = note_input;
Rust: req_builder = req_builder.json(&p_body_note_input);
SEEN
