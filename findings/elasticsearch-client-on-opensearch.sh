#!/usr/bin/env bash
# @elastic/elasticsearch 9.4.3 on OpenSearch 3.9.0: which calls are refused, and what has been done by then.
# The client looks for the header `x-elastic-product` only in the answer to a call, so a call that it throws
# ProductNotSupportedError for has been carried out: an index is there that could not be created. A call with a body
# never gets as far: the server answers 406 to the client's own media type, which is told as an error of that call and
# says nothing of the product. With plain JSON set as the media type, such a call too is carried out and then refused.
# Seen on 2026-11-29, with Java 25:
#   info: ProductNotSupportedError
#   create an index: ProductNotSupportedError, and it is there: true
#   search: ResponseError 406
#   index a document: ResponseError 406, and it is there: false
#   index a document as plain JSON: ProductNotSupportedError, and it is there: true
set -euo pipefail
folder=$(mktemp -d)
port=${PORT:-38510}
java=${JAVA:-java} # 21 or newer
trap 'kill "${server:-0}" 2>/dev/null && wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>opensearch</artifactId><version>0</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.opensearch</groupId><artifactId>opensearch</artifactId><version>3.9.0</version></dependency>
    <dependency><groupId>org.opensearch.plugin</groupId><artifactId>transport-netty4-client</artifactId><version>3.9.0</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.25.5</version></dependency>
  </dependencies>
</project>
XML
mvn -B -q -ntp org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory=jars -DincludeScope=runtime
npm install --silent --no-audit --no-fund --prefix client @elastic/elasticsearch@9.4.3
mkdir -p home/config
cat >Launch.java <<'JAVA'
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.opensearch.Version;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.Node;
import org.opensearch.plugins.PluginInfo;

public final class Launch extends Node {
  private static final String HTTP = "org.opensearch.transport.Netty4ModulePlugin";

  Launch(Environment environment) {
    super(environment, List.of(new PluginInfo("netty", "HTTP", "0", Version.CURRENT, "21", HTTP, List.of(), false)), false);
  }

  public static void main(String[] args) throws Exception {
    Settings settings = Settings.builder().put("path.home", args[0]).put("cluster.name", "finding").put("node.name", "one")
      .put("discovery.type", "single-node").put("network.host", "127.0.0.1").put("http.port", args[1])
      .put("transport.port", "0").put("http.type", "netty4").put("transport.type", "netty4")
      .put("cluster.routing.allocation.disk.threshold_enabled", false).build();
    new Launch(new Environment(settings, Path.of(args[0], "config"))).start();
    new CountDownLatch(1).await();
  }
}
JAVA
"$java" -Xmx512m --enable-native-access=ALL-UNNAMED -cp 'jars/*' Launch.java "$folder/home" "$port" >log 2>&1 &
server=$!
for _ in $(seq 60); do curl -s -o health "http://127.0.0.1:$port/_cluster/health?wait_for_status=yellow" && break; sleep 1; done
cat >client/ask.mjs <<'JS'
import { Client } from "@elastic/elasticsearch"
const node = `http://127.0.0.1:${process.argv[2]}`
const plain = { accept: "application/json", "content-type": "application/json" }
const client = new Client({ node, maxRetries: 0 })
const plainClient = new Client({ node, maxRetries: 0, headers: plain })
const fate = (call) => call.then(() => "taken", ({ name, statusCode }) => [name, statusCode].filter(Boolean).join(" "))
const isThere = async (path) => `and it is there: ${(await fetch(`${node}/${path}`)).ok}`
const document = { body: "a" }

console.log(`info: ${await fate(client.info())}`)
console.log(`create an index: ${await fate(client.indices.create({ index: "made" }))}, ${await isThere("made")}`)
console.log(`search: ${await fate(client.search({ index: "made", query: { match_all: {} } }))}`)
const indexed = await fate(client.index({ index: "made", id: "1", document }))
console.log(`index a document: ${indexed}, ${await isThere("made/_doc/1")}`)
const asPlain = await fate(plainClient.index({ index: "made", id: "2", document }))
console.log(`index a document as plain JSON: ${asPlain}, ${await isThere("made/_doc/2")}`)
JS
node client/ask.mjs "$port" | tee seen
diff seen - <<'SEEN'
info: ProductNotSupportedError
create an index: ProductNotSupportedError, and it is there: true
search: ResponseError 406
index a document: ResponseError 406, and it is there: false
index a document as plain JSON: ProductNotSupportedError, and it is there: true
SEEN
