package chat.search;

import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.lucene.analysis.ngram.NGramTokenizer;
import org.apache.lucene.analysis.util.CharTokenizer;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.Plugin;

/**
 * Provides two tokenizers of the module analysis-common, which is not published as a jar, for the message index:
 * `ngram` is Lucene's own class, `char_group` splits at given single characters. The filter `stop` is in the server.
 */
public final class AnalysisPlugin extends Plugin implements org.elasticsearch.plugins.AnalysisPlugin {
  @Override
  public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
    return Map.of(
      "ngram", (index, environment, name, settings) -> {
        int min = settings.getAsInt("min_gram", 1);
        int max = settings.getAsInt("max_gram", 2);
        if (max - min > index.getMaxNgramDiff()) {
          throw new IllegalArgumentException("max_gram - min_gram must be <= [index.max_ngram_diff] = " + index.getMaxNgramDiff());
        }
        return TokenizerFactory.newFactory(name, () -> new NGramTokenizer(min, max));
      },
      "char_group", (index, environment, name, settings) -> {
        Set<Integer> separators = separators(settings);
        return TokenizerFactory.newFactory(name, () -> CharTokenizer.fromSeparatorCharPredicate(separators::contains));
      });
  }

  private static Set<Integer> separators(Settings settings) {
    return settings.getAsList("tokenize_on_chars").stream().map(text -> {
      if (text.codePointCount(0, text.length()) != 1) {
        throw new IllegalArgumentException("tokenize_on_chars: only single characters are supported here, not [" + text + "]");
      }
      return text.codePointAt(0);
    }).collect(Collectors.toUnmodifiableSet());
  }
}
