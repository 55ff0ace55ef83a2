#!/usr/bin/env bash
# Elasticsearch 9.5.3: a field left out of the stored source (`_source.excludes` in the mapping) makes the index larger
# while documents are written. The source as it was sent is then stored a second time, as `_recovery_source`, for
# replicas to recover from, and is dropped only by merges of documents that no replica needs any more. See
# RecoverySourcePruneMergePolicy in its source. So an index that is written to all the time saves less than the field's
# bytes, or nothing where the field is much like another one that stays.
# Seen on 2026-11-29 (60,000 documents of 15 words and the same words in lower case: 177 bytes of index a document with the
# field and 187 without, then 175 and 85):
#   at first: smaller with the field than without
#   after the next merges: larger with the field than without
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>elasticsearch</artifactId><version>0</version><packaging>pom</packaging>
  <properties><v>9.5.3</v></properties>
  <dependencies>
    <dependency><groupId>org.elasticsearch</groupId><artifactId>elasticsearch</artifactId><version>${v}</version></dependency>
    <dependency><groupId>org.elasticsearch</groupId><artifactId>elasticsearch-native</artifactId><version>${v}</version></dependency>
    <dependency><groupId>org.elasticsearch</groupId><artifactId>elasticsearch-entitlement-bridge</artifactId><version>${v}</version></dependency>
    <dependency><groupId>org.elasticsearch.plugin</groupId><artifactId>transport-netty4</artifactId><version>${v}</version></dependency>
  </dependencies>
</project>
XML
mvn -B -q -ntp org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory=jars -DincludeScope=runtime
mkdir -p home/config home/modules/transport-netty4 classes
cat >home/modules/transport-netty4/plugin-descriptor.properties <<'P'
name=transport-netty4
description=transport
version=9.5.3
elasticsearch.version=9.5.3
java.version=21
classname=org.elasticsearch.transport.netty4.Netty4Plugin
P
cat >Main.java <<'JAVA'
package org.elasticsearch.plugins;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.elasticsearch.action.bulk.BulkRequest;
import org.elasticsearch.action.index.IndexRequest;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.Node;

public class Main {
  static final int DOCUMENTS = 60_000, AT_A_TIME = 1_000, WORDS = 15;

  @SuppressWarnings({ "unchecked", "rawtypes" })
  public static void main(String[] args) throws Exception {
    Path home = Path.of("home").toAbsolutePath();
    Settings settings = Settings.builder().put("path.home", home).put("path.data", home.resolve("data")).put("path.logs", home.resolve("logs"))
      .put("discovery.type", "single-node").put("network.host", "127.0.0.1").put("http.port", "0").put("transport.port", "0").put("node.name", "one")
      .put("cluster.routing.allocation.disk.threshold_enabled", false).build();
    LogConfigurator.configureESLogging();
    LogConfigurator.setNodeName("one");
    Environment environment = new Environment(settings, home.resolve("config"));
    Set<PluginBundle> bundles = PluginsLoader.loadModulesBundles(environment.modulesDir(), false);
    var layer = Class.forName("org.elasticsearch.plugins.PluginsLoader$LoadedPluginLayer").getDeclaredConstructors()[0];
    layer.setAccessible(true);
    ClassLoader classes = Main.class.getClassLoader();
    Map loaded = new LinkedHashMap<>();
    for (PluginBundle bundle : bundles) loaded.put(bundle.plugin.getName(), layer.newInstance(bundle, classes, ModuleLayer.boot(), classes, ModuleLayer.boot()));
    Node node = new Node(environment, new PluginsLoader(bundles, Set.of(), loaded));
    node.start();
    Client client = node.client();
    fill(client, "with", Map.of());
    fill(client, "without", Map.of("excludes", List.of("folded")));
    System.out.println("at first: " + compared(client));
    // Shards tell each other every 30 s what no replica needs any more.
    Thread.sleep(40_000);
    for (String index : new String[] { "with", "without" }) {
      client.admin().indices().prepareFlush(index).setForce(true).get();
      client.admin().indices().prepareForceMerge(index).setMaxNumSegments(1).get();
      client.admin().indices().prepareRefresh(index).get();
    }
    System.out.println("after the next merges: " + compared(client));
    node.close();
    System.exit(0);
  }

  static void fill(Client client, String index, Map<String, ?> source) throws Exception {
    Map<String, ?> text = Map.of("type", "text", "index", false);
    Map<String, Object> mapping = Map.of("_source", source, "properties", Map.of("body", text, "folded", text));
    Settings settings = Settings.builder().put("index.number_of_replicas", 0).put("index.store.stats_refresh_interval", "0s").build();
    client.admin().indices().prepareCreate(index).setSettings(settings).setMapping(mapping).get();
    Random random = new Random(1);
    for (int first = 0; first < DOCUMENTS; first += AT_A_TIME) {
      BulkRequest bulk = new BulkRequest();
      for (int at = 0; at < AT_A_TIME; at++) {
        StringBuilder body = new StringBuilder();
        for (int word = 0; word < WORDS; word++) body.append("Word").append(Integer.toString(random.nextInt(20_000), 36)).append(' ');
        bulk.add(new IndexRequest(index).source(Map.of("body", body.toString(), "folded", body.toString().toLowerCase())));
      }
      if (client.bulk(bulk).get().hasFailures()) throw new IllegalStateException("a document was refused");
    }
    client.admin().indices().prepareFlush(index).setForce(true).get();
    client.admin().indices().prepareRefresh(index).get();
  }

  static String compared(Client client) {
    long[] bytes = new long[2];
    for (int at = 0; at < 2; at++)
      bytes[at] = client.admin().indices().prepareStats(new String[] { "with", "without" }[at]).clear().setStore(true).get().getTotal().getStore().sizeInBytes() / DOCUMENTS;
    System.err.println(bytes[0] + " bytes with, " + bytes[1] + " without");
    return (bytes[0] < bytes[1] ? "smaller" : "larger") + " with the field than without";
  }
}
JAVA
javac -nowarn -cp 'jars/*' -d classes Main.java 2>javac.log || { cat javac.log >&2; exit 1; }
java -Xmx512m --enable-native-access=ALL-UNNAMED -cp 'classes:jars/*' org.elasticsearch.plugins.Main 2>log | grep with | tee seen || true
grep bytes log >&2 || tail -20 log >&2
diff seen - <<'SEEN'
at first: smaller with the field than without
after the next merges: larger with the field than without
SEEN
