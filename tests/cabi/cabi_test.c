/* The C interface from C: what the scenario (tests/scenarios) does not ask. */
#include <ullage/c.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define CHECK(condition)                                               \
  do {                                                                 \
    if (!(condition)) {                                                \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);  \
      ++failures;                                                      \
    }                                                                  \
  } while (0)

static ul_cache *open_cache(void) {
  ul_options options = UL_OPTIONS_INIT;
  ul_cache *cache = NULL;
  options.memory_limit = 8u << 20;
  options.manual_maintenance = 1;
  if (ul_cache_open(&options, &cache, NULL) != UL_OK) abort();
  return cache;
}
static int is(ul_bytes bytes, const char *text) {
  return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

static void versions_and_names(void) {
  CHECK(ul_abi_version() == UL_ABI_VERSION);
  CHECK(strlen(ul_version()) >= 5);
  CHECK(strcmp(ul_status_name(UL_OK), "ok") == 0);
  CHECK(strcmp(ul_status_name(UL_NAME_TOO_LONG), "name_too_long") == 0);
  CHECK(strcmp(ul_status_name(12345), "unknown") == 0);
  for (ul_status status = UL_WRONG_KIND; status <= UL_UNCHANGED; ++status)
    CHECK(strcmp(ul_status_name(status), "unknown") != 0);
}

static void options_of_any_version(void) {
  ul_cache *cache = NULL;
  ul_error error = {0, ""};
  struct {
    ul_options known;
    int64_t from_the_future;
  } newer = {UL_OPTIONS_INIT, 0};
  ul_options options = UL_OPTIONS_INIT;

  CHECK(ul_cache_open(NULL, &cache, &error) == UL_OK); /* all by default */
  ul_cache_free(cache);

  /* A caller that knows less: only the limit. */
  options.struct_size = offsetof(ul_options, max_memory_limit);
  options.memory_limit = 8u << 20;
  options.max_memory_limit = 1; /* not looked at */
  CHECK(ul_cache_open(&options, &cache, &error) == UL_OK);
  ul_cache_free(cache);

  /* One that knows more, and asks for nothing that we do not know. */
  newer.known.struct_size = sizeof newer;
  newer.known.memory_limit = 8u << 20;
  CHECK(ul_cache_open(&newer.known, &cache, &error) == UL_OK);
  ul_cache_free(cache);
  newer.from_the_future = 1;
  CHECK(ul_cache_open(&newer.known, &cache, &error) == UL_INVALID_ARGUMENT);
  CHECK(error.status == UL_INVALID_ARGUMENT);
  CHECK(strstr(error.message, "struct_size") != NULL);
  CHECK(cache == NULL);

  options.struct_size = 0;
  CHECK(ul_cache_open(&options, &cache, &error) == UL_INVALID_ARGUMENT);
  options.struct_size = sizeof options;
  options.max_memory_limit = 0;
  options.memory_limit = 1;
  CHECK(ul_cache_open(&options, &cache, &error) == UL_LIMIT_TOO_SMALL);
  CHECK(strstr(error.message, "8388608") != NULL || strlen(error.message) > 10);
}

static void null_is_told(void) {
  ul_cache *cache = open_cache();
  ul_error error = {0, ""};
  size_t size = 0;
  CHECK(ul_get(NULL, ul_text("g"), ul_text("f"), NULL, &error) == UL_INVALID_ARGUMENT);
  CHECK(strcmp(error.message, "the cache is NULL") == 0);
  CHECK(ul_get(cache, ul_text("g"), ul_text("f"), NULL, NULL) == UL_INVALID_ARGUMENT);
  CHECK(ul_get_into(cache, ul_text("g"), ul_text("f"), NULL, 5, &size, NULL) ==
        UL_INVALID_ARGUMENT);
  CHECK(ul_get_into(cache, ul_text("g"), ul_text("f"), NULL, 0, NULL, NULL) == UL_INVALID_ARGUMENT);
  CHECK(ul_visit(cache, ul_text("g"), ul_text("f"), NULL, NULL, NULL) == UL_INVALID_ARGUMENT);
  CHECK(ul_cache_open(NULL, NULL, &error) == UL_INVALID_ARGUMENT);
  CHECK(ul_set(cache, ul_text(NULL), ul_text(NULL), ul_text(NULL), NULL, NULL, NULL) == UL_OK);
  ul_value_free(NULL);
  ul_clock_free(NULL);
  ul_cache_close(NULL);
  ul_cache_free(NULL);
  CHECK(ul_value_bytes(NULL).size == 0);
  ul_cache_free(cache);
}

static void see(void *user, ul_bytes value) {
  *(size_t *)user = is(value, "dark") ? 4 : 0;
}

static void values_are_yours(void) {
  ul_cache *cache = open_cache();
  ul_value *value = NULL;
  char buffer[4];
  size_t size = 0;
  CHECK(ul_set(cache, ul_text("g"), ul_text("f"), ul_text("dark"), NULL, NULL, NULL) == UL_OK);
  CHECK(ul_get(cache, ul_text("g"), ul_text("f"), &value, NULL) == UL_OK);
  CHECK(ul_get_into(cache, ul_text("g"), ul_text("f"), buffer, sizeof buffer, &size, NULL) ==
        UL_OK);
  CHECK(size == 4 && memcmp(buffer, "dark", 4) == 0);
  memset(buffer, 'x', sizeof buffer);
  CHECK(ul_get_into(cache, ul_text("g"), ul_text("f"), buffer, 3, &size, NULL) == UL_OK);
  CHECK(size == 4 && buffer[0] == 'x'); /* it does not fit: not a byte of it */
  CHECK(ul_value_size(cache, ul_text("g"), ul_text("f"), &size, NULL) == UL_OK && size == 4);
  CHECK(ul_value_size(cache, ul_text("g"), ul_text("-"), &size, NULL) == UL_NOT_FOUND);
  size = 0;
  CHECK(ul_visit(cache, ul_text("g"), ul_text("f"), see, &size, NULL) == UL_OK && size == 4);
  CHECK(ul_visit(cache, ul_text("g"), ul_text("-"), see, &size, NULL) == UL_NOT_FOUND);
  ul_cache_free(cache);
  CHECK(is(ul_value_bytes(value), "dark")); /* whatever happens to the cache */
  ul_value_free(value);
}

static void use_after_close(void) {
  ul_cache *cache = open_cache();
  ul_value *value = NULL;
  ul_error error = {0, ""};
  uint64_t cursor = 0;
  ul_cache_close(cache);
  ul_cache_close(cache);
  CHECK(ul_get(cache, ul_text("g"), ul_text("f"), &value, &error) == UL_CLOSED);
  CHECK(error.status == UL_CLOSED && strcmp(error.message, "the cache is closed") == 0);
  CHECK(ul_set(cache, ul_text("g"), ul_text("f"), ul_text("v"), NULL, NULL, NULL) == UL_CLOSED);
  CHECK(ul_scan_groups_packed(cache, &cursor, 10, &value, NULL) == UL_CLOSED);
  CHECK(ul_metrics(cache, &value, NULL) == UL_CLOSED);
  CHECK(ul_tick(cache, 1, NULL, NULL) == UL_CLOSED);
  ul_cache_free(cache);
}

static void packed_batches(void) {
  ul_cache *cache = open_cache();
  const char *items = "gagbvaluegcother";
  const uint32_t item_sizes[] = {1, 1, 0, 1, 1, 5, 1, 1, 5};
  const uint32_t key_sizes[] = {1, 1, 1, 1, 1, 1, 1, 1};
  uint32_t sizes[4];
  char buffer[16];
  size_t needed = 0;
  size_t written = 0;
  CHECK(ul_set_packed(cache, items, item_sizes, 3, NULL, &written, NULL) == UL_OK && written == 3);
  CHECK(ul_get_packed(cache, "gagbgxgc", key_sizes, 4, buffer, sizeof buffer, sizes, &needed,
                      NULL) == UL_OK);
  CHECK(sizes[0] == 0 && sizes[1] == 5 && sizes[2] == UL_ABSENT && sizes[3] == 5 && needed == 10);
  CHECK(memcmp(buffer, "valueother", 10) == 0);
  /* What does not fit is not copied, and how much would have been needed is said. */
  CHECK(ul_get_packed(cache, "gagbgxgc", key_sizes, 4, buffer, 5, sizes, &needed, NULL) == UL_OK);
  CHECK(needed == 10);
  CHECK(ul_get_packed(cache, NULL, NULL, 0, NULL, 0, NULL, NULL, NULL) == UL_OK);
  CHECK(ul_get_packed(cache, NULL, key_sizes, 5000, NULL, 0, sizes, NULL, NULL) ==
        UL_BATCH_TOO_LARGE);
  ul_cache_free(cache);
}

static void set_within(void *user, ul_bytes group, ul_bytes field, ul_loaded *loaded) {
  (void)group;
  (void)field;
  /* Loaders may call the cache, but for the entry that they load. */
  CHECK(ul_set(user, ul_text("other"), ul_text("f"), ul_text("v"), NULL, NULL, NULL) == UL_OK);
  {
    ul_value *value = NULL;
    CHECK(ul_get_or_load(user, group, field, set_within, user, NULL, &value, NULL) ==
          UL_REENTERED);
  }
  ul_loaded_value(loaded, ul_text("loaded"), 0);
}

static void loading(void) {
  ul_cache *cache = open_cache();
  ul_value *value = NULL;
  ul_load_options options = UL_LOAD_OPTIONS_INIT;
  int64_t left = 0;
  options.ttl_ms = 60000;
  CHECK(ul_get_or_load(cache, ul_text("g"), ul_text("f"), set_within, cache, &options, &value,
                       NULL) == UL_OK);
  CHECK(is(ul_value_bytes(value), "loaded"));
  ul_value_free(value);
  CHECK(ul_ttl(cache, ul_text("g"), ul_text("f"), &left, NULL) == UL_OK && left > 0);
  ul_cache_free(cache);
}

static void heard(void *user, const ul_removal *removal) {
  if (removal->cause == UL_CAUSE_ERASED && is(removal->group, "g") && is(removal->field, "f") &&
      is(removal->value, "v"))
    ++*(int *)user;
}

static void removals_bring_values_along(void) {
  ul_options options = UL_OPTIONS_INIT;
  ul_cache *cache = NULL;
  int count = 0;
  options.memory_limit = 8u << 20;
  options.manual_maintenance = 1;
  options.on_removal = heard;
  options.on_removal_user = &count;
  options.removal_values = 1;
  options.removal_causes = 1u << UL_CAUSE_ERASED;
  CHECK(ul_cache_open(&options, &cache, NULL) == UL_OK);
  ul_set(cache, ul_text("g"), ul_text("f"), ul_text("u"), NULL, NULL, NULL);
  ul_set(cache, ul_text("g"), ul_text("f"), ul_text("v"), NULL, NULL, NULL); /* replaced: not asked for */
  ul_erase(cache, ul_text("g"), ul_text("f"), NULL);
  ul_tick(cache, 1000, NULL, NULL);
  CHECK(count == 1);
  ul_cache_free(cache);
}

static void looking_inside(void) {
  ul_cache *cache = open_cache();
  ul_value *value = NULL;
  struct {
    ul_stats known;
    uint64_t from_the_future;
  } newer = {UL_STATS_INIT, 77};
  ul_stats older = UL_STATS_INIT;
  for (int i = 0; i < 1000; ++i) {
    char group[32];
    snprintf(group, sizeof group, "user:%d", i);
    ul_set(cache, ul_text(group), ul_text("theme"), ul_text("dark"), NULL, NULL, NULL);
  }
  newer.known.struct_size = sizeof newer;
  CHECK(ul_get_stats(cache, &newer.known, NULL) == UL_OK);
  CHECK(newer.known.entries == 1000 && newer.known.struct_size == sizeof(ul_stats));
  CHECK(newer.from_the_future == 77);
  older.struct_size = offsetof(ul_stats, hits);
  older.hits = 55;
  CHECK(ul_get_stats(cache, &older, NULL) == UL_OK);
  CHECK(older.entries == 1000 && older.groups == 1000 && older.hits == 55);

  CHECK(ul_metrics(cache, &value, NULL) == UL_OK);
  CHECK(strstr(ul_value_bytes(value).data, "ullage_cache_entries{cache=\"cache\"} 1000\n") != NULL);
  ul_value_free(value);
  CHECK(ul_data_profile(cache, &value, NULL) == UL_OK);
  CHECK(ul_value_bytes(value).size > 100);
  CHECK(memcmp(ul_value_bytes(value).data, "\x1f\x8b", 2) == 0); /* gzip */
  ul_value_free(value);
  CHECK(ul_validate(cache, NULL) == UL_OK);
  ul_cache_free(cache);
}

static void *many_calls(void *cache) {
  for (int i = 0; i < 20000; ++i) {
    char field[16];
    char buffer[32];
    size_t size = 0;
    snprintf(field, sizeof field, "f%d", i % 100);
    if (i % 4 == 0)
      ul_set(cache, ul_text("shared"), ul_text(field), ul_text("0123456789"), NULL, NULL, NULL);
    else if (ul_get_into(cache, ul_text("shared"), ul_text(field), buffer, sizeof buffer, &size,
                         NULL) == UL_OK)
      CHECK(size == 10 && memcmp(buffer, "0123456789", 10) == 0);
  }
  return NULL;
}

static void from_threads(void) {
  ul_cache *cache = open_cache();
  pthread_t threads[4];
  for (size_t i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, many_calls, cache);
  for (size_t i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  CHECK(ul_validate(cache, NULL) == UL_OK);
  ul_cache_free(cache);
}

static void long_messages_are_cut(void) {
  ul_cache *cache = open_cache();
  ul_error error = {0, ""};
  char json[2000];
  memset(json, '[', sizeof json - 1);
  json[sizeof json - 1] = '\0';
  CHECK(ul_json_put(cache, ul_text("g"), ul_text(""), ul_text(json), 0, &error) < 0);
  CHECK(strlen(error.message) < UL_MESSAGE_BYTES);
  ul_cache_free(cache);
}

int main(void) {
  versions_and_names();
  options_of_any_version();
  null_is_told();
  values_are_yours();
  use_after_close();
  packed_batches();
  loading();
  removals_bring_values_along();
  looking_inside();
  from_threads();
  long_messages_are_cut();
  if (failures) {
    fprintf(stderr, "%d checks failed\n", failures);
    return 1;
  }
  puts("all checks passed");
  return 0;
}
