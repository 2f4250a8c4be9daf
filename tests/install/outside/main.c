/* The README's example in C. */
#include <ullage/c.h>

#include <stdio.h>

int main(void) {
  ul_options options = UL_OPTIONS_INIT;
  ul_cache *cache = NULL;
  ul_value *value = NULL;
  ul_error error = {0, ""};
  int found;
  options.memory_limit = 8 << 20;
  if (ul_cache_open(&options, &cache, &error) != UL_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  ul_set(cache, ul_text("user:42"), ul_text("theme"), ul_text("dark"), NULL, NULL, &error);
  found = ul_get(cache, ul_text("user:42"), ul_text("theme"), &value, &error) == UL_OK;
  if (found) printf("%.*s\n", (int)ul_value_bytes(value).size, ul_value_bytes(value).data);
  ul_value_free(value);
  ul_cache_free(cache);
  return found ? 0 : 1;
}
