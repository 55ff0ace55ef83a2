#!/usr/bin/env bash
# openapi-generator-cli 7.25.0: where a request body is optional (`required: false` in OpenAPI 3.1) and the caller leaves
# it out, the generated clients for Java (java.net.http), Go and Rust (reqwest) do not leave it out: they send the JSON
# text `null`, declared as application/json. One expects no body. `null` fits no schema of `type: object`, so a server
# that validates answers an error to a call that the document allows. In Go it is a nil pointer within an interface, which
# is not nil.
# This API takes `null` for none in a POST, and refuses it with 422 in a PUT or PATCH (lib/http/request/request-body.ts).
# The Java and Go clients are compiled and called here. Of the Rust client, whose packages take minutes to compile on a
# busy machine, only the lines that give the body are shown: they stand within no `if let Some`.
# Seen on 2026-11-28:
#   Java, no body given: POST /notes, application/json, body null
#   Java, a body given: POST /notes, application/json, body {"text":"milk"}
#   Go, no body given: POST /notes, application/json, body null
#   Go, a body given: POST /notes, application/json, body {"text":"milk"}
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
  java -jar openapi-generator-cli.jar generate --input-spec openapi.json --generator-name "$1" --output "$1" "${@:2}" \
    --global-property apis,models,supportingFiles,apiTests=false,modelTests=false,apiDocs=false,modelDocs=false >>log
}
generate java --library native --additional-properties invokerPackage=api,apiPackage=api,modelPackage=api
generate go
generate rust --library reqwest --additional-properties supportAsync=false

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
      arrived = "%s %s, %s, body %s".formatted(exchange.getRequestMethod(), exchange.getRequestURI(),
          exchange.getRequestHeaders().getFirst("Content-Type"), new String(body, StandardCharsets.UTF_8).strip());
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

mkdir go/call
cat >go/go.mod <<'MOD'
module openapi

go 1.23
MOD
cat >go/call/main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"openapi"
	"strings"
)

func main() {
	arrived := ""
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		text := strings.TrimSpace(string(body))
		arrived = fmt.Sprintf("%s %s, %s, body %s", request.Method, request.URL, request.Header.Get("Content-Type"), text)
		answer.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	configuration := openapi.NewConfiguration()
	configuration.Servers = openapi.ServerConfigurations{{URL: server.URL}}
	notes := openapi.NewAPIClient(configuration).DefaultAPI
	text := "milk"
	none := notes.CreateNote(context.Background())
	given := none.NoteInput(openapi.NoteInput{Text: &text})
	for _, call := range []struct {
		what string
		request openapi.ApiCreateNoteRequest
	}{{"no body given", none}, {"a body given", given}} {
		if _, err := call.request.Execute(); err != nil {
			panic(err)
		}
		fmt.Printf("Go, %s: %s\n", call.what, arrived)
	}
}
GO

javac -encoding UTF-8 -nowarn -classpath 'jars/*' -d classes java/src/main/java/api/*.java Call.java
{
  java -classpath 'classes:jars/*' Call
  (cd go && go run ./call)
  grep -h 'note_input;\|req_builder.json' rust/src/apis/default_api.rs | sed 's/^ */Rust: /'
} | tee seen
diff seen - <<'SEEN'
Java, no body given: POST /notes, application/json, body null
Java, a body given: POST /notes, application/json, body {"text":"milk"}
Go, no body given: POST /notes, application/json, body null
Go, a body given: POST /notes, application/json, body {"text":"milk"}
Rust: let p_body_note_input = note_input;
Rust: req_builder = req_builder.json(&p_body_note_input);
SEEN
