package chat.search;

import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.ClasspathPlugins;

/**
 * Starts one Elasticsearch node from jars, without the distribution's scripts and entitlement checks. Arguments: the
 * home folder (config, modules), the data folder, the HTTP port on 127.0.0.1. SIGTERM closes it in order.
 */
public final class ElasticsearchLauncher {
  private static final String NODE_NAME = "chat-1";

  public static void main(String[] args) throws Exception {
    Path home = Path.of(args[0]).toAbsolutePath();
    Path data = Path.of(args[1]).toAbsolutePath();
    Settings settings = Settings.builder()
      .put("path.home", home.toString())
      .put("path.data", data.toString())
      .put("path.logs", data.resolve("logs").toString())
      .put("cluster.name", "chat")
      .put("node.name", NODE_NAME)
      .put("discovery.type", "single-node")
      .put("network.host", "127.0.0.1")
      .put("http.port", args[2])
      .put("transport.port", "0")
      // A developer's disk is often over 95 % full, and the watermark would then make every index read-only.
      .put("cluster.routing.allocation.disk.threshold_enabled", false)
      .build();
    LogConfigurator.configureESLogging();
    LogConfigurator.setNodeName(NODE_NAME);
    Environment environment = new Environment(settings, home.resolve("config"));
    Node node = new Node(environment, ClasspathPlugins.load(environment.modulesDir()));
    CountDownLatch closed = new CountDownLatch(1);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try {
        node.close();
      } catch (Exception error) {
        error.printStackTrace();
      }
      closed.countDown();
    }));
    node.start();
    closed.await();
  }
}
