package org.elasticsearch.plugins;

import java.lang.reflect.Constructor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** Loads the descriptors in home/modules, but takes the classes from the single class path, without module layers. */
public final class ClasspathPlugins {
  @SuppressWarnings({"unchecked", "rawtypes"})
  public static PluginsLoader load(Path modules) throws Exception {
    Set<PluginBundle> bundles = PluginsLoader.loadModulesBundles(modules, false);
    ClassLoader classes = ClasspathPlugins.class.getClassLoader();
    // The record is private to PluginsLoader, whose public factory requires a jar and a layer for each plugin.
    Constructor<?> layer = Class.forName("org.elasticsearch.plugins.PluginsLoader$LoadedPluginLayer").getDeclaredConstructors()[0];
    layer.setAccessible(true);
    Map loaded = new LinkedHashMap<>();
    for (PluginBundle bundle : bundles) {
      loaded.put(bundle.plugin.getName(), layer.newInstance(bundle, classes, ModuleLayer.boot(), classes, ModuleLayer.boot()));
    }
    return new PluginsLoader(bundles, Set.of(), loaded);
  }
}
