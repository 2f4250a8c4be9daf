/* Runs a scenario through the C interface. */
#include <ullage/c.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 64, LINE_MAX_BYTES = 4096, SHOWN_MAX = 60 };

typedef struct buffer {
  char *data;
  size_t size;
  size_t capacity;
} buffer;

static void append(buffer *to, const char *bytes, size_t size) {
  if (to->size + size + 1 > to->capacity) {
    to->capacity = 2 * (to->size + size) + 64;
    to->data = realloc(to->data, to->capacity);
    if (!to->data) abort();
  }
  if (size) memcpy(to->data + to->size, bytes, size);
  to->size += size;
  to->data[to->size] = '\0';
}
static void append_text(buffer *to, const char *text) { append(to, text, strlen(text)); }

static buffer words[WORDS_MAX];
static size_t word_count;

static ul_bytes word(size_t i) {
  ul_bytes bytes = {words[i].data, words[i].size};
  return bytes;
}
static const char *word_text(size_t i) { return i < word_count ? words[i].data : ""; }
static long long word_number(size_t i) { return strtoll(word_text(i), NULL, 10); }

static void append_unescaped(buffer *to, const char *from, const char *end) {
  while (from < end) {
    if (*from == '%' && from + 2 < end) {
      char code[3] = {from[1], from[2], '\0'};
      char byte = (char)strtoul(code, NULL, 16);
      append(to, &byte, 1);
      from += 3;
    } else {
      append(to, from++, 1);
    }
  }
}

static void decode(buffer *to, const char *from, const char *end) {
  to->size = 0;
  append(to, "", 0);
  while (from < end && *from == '*') {
    char *colon = NULL;
    unsigned long times = strtoul(from + 1, &colon, 10);
    const char *next;
    if (colon == from + 1 || *colon != ':') break;
    next = memchr(colon, '*', (size_t)(end - colon));
    if (!next) next = end;
    for (unsigned long i = 0; i < times; ++i) append_unescaped(to, colon + 1, next);
    from = next;
  }
  append_unescaped(to, from, end);
}

static void split(const char *line) {
  word_count = 0;
  for (;;) {
    const char *tab = strchr(line, '\t');
    const char *end = tab ? tab : line + strlen(line);
    if (word_count == WORDS_MAX) abort();
    decode(&words[word_count++], line, end);
    if (!tab) return;
    line = tab + 1;
  }
}

static void append_shown(buffer *to, ul_bytes bytes) {
  for (size_t i = 0; i < bytes.size && i < SHOWN_MAX; ++i) {
    char c = bytes.data[i];
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
        (c && strchr("-_.:/", c))) {
      append(to, &c, 1);
    } else {
      char code[4];
      snprintf(code, sizeof code, "%%%02x", (unsigned)(unsigned char)c);
      append_text(to, code);
    }
  }
  if (bytes.size > SHOWN_MAX) {
    char more[40];
    snprintf(more, sizeof more, "...(%zu)", bytes.size);
    append_text(to, more);
  }
}

static void say_value(ul_bytes bytes) {
  buffer text = {0};
  append_text(&text, "value ");
  append_shown(&text, bytes);
  fputs(text.data, stdout);
  free(text.data);
}

static ul_error error;
static void say_error(ul_status status) {
  if (status == UL_CLOSED)
    printf("error closed");
  else
    printf("error %s: %s", ul_status_name(status), error.message);
}
/* Whether the call failed; then it is said. */
static int failed(ul_status status) {
  if (status >= 0) return 0;
  say_error(status);
  return 1;
}
static void say_yes(ul_status status) {
  if (!failed(status)) fputs(status == UL_OK ? "yes" : "no", stdout);
}
static void say_ok(ul_status status) {
  if (!failed(status)) fputs("ok", stdout);
}
static void say_owned(ul_status status, ul_value *value) {
  if (failed(status)) return;
  if (status == UL_OK)
    say_value(ul_value_bytes(value));
  else
    fputs("none", stdout);
  ul_value_free(value);
}

/* --- lists ---------------------------------------------------------------------------------- */

typedef struct entry {
  buffer name;
  buffer what;
} entry;
static entry entries[256];
static size_t entry_count;

static int by_name(const void *a, const void *b) {
  const buffer *x = &((const entry *)a)->name;
  const buffer *y = &((const entry *)b)->name;
  int order = memcmp(x->data, y->data, x->size < y->size ? x->size : y->size);
  if (order) return order;
  return x->size < y->size ? -1 : x->size > y->size;
}
static void add_entry(void *user, ul_bytes field, ul_bytes value) {
  entry one = {{0}, {0}};
  (void)user;
  append(&one.name, field.data, field.size);
  append(&one.what, value.data, value.size);
  for (size_t i = 0; i < entry_count; ++i) {
    if (by_name(&entries[i], &one) == 0) { /* a scan may see an entry twice */
      free(one.name.data);
      free(one.what.data);
      return;
    }
  }
  if (entry_count == sizeof entries / sizeof entries[0]) abort();
  entries[entry_count++] = one;
}
static void add_group(void *user, ul_bytes group, uint64_t fields) {
  char text[24];
  snprintf(text, sizeof text, "%llu", (unsigned long long)fields);
  add_entry(user, group, ul_text(text));
}
static void say_entries(void) {
  buffer text = {0};
  qsort(entries, entry_count, sizeof entries[0], by_name);
  printf("%zu", entry_count);
  for (size_t i = 0; i < entry_count; ++i) {
    ul_bytes name = {entries[i].name.data, entries[i].name.size};
    ul_bytes what = {entries[i].what.data, entries[i].what.size};
    append_text(&text, " ");
    append_shown(&text, name);
    append_text(&text, "=");
    append_shown(&text, what);
    free(entries[i].name.data);
    free(entries[i].what.data);
  }
  if (text.data) fputs(text.data, stdout);
  free(text.data);
  entry_count = 0;
}

static void scan_entries(ul_cache *cache) {
  uint64_t cursor = 0;
  do {
    ul_value *packed = NULL;
    ul_bytes bytes;
    if (failed(ul_scan_packed(cache, word(1), &cursor, (size_t)word_number(2), &packed, &error)))
      return;
    bytes = ul_value_bytes(packed);
    for (size_t at = 0; at < bytes.size;) {
      uint32_t sizes[2];
      ul_bytes field;
      ul_bytes value;
      memcpy(sizes, bytes.data + at, sizeof sizes);
      at += sizeof sizes;
      field.data = bytes.data + at;
      field.size = sizes[0];
      value.data = bytes.data + at + sizes[0];
      value.size = sizes[1];
      at += (size_t)sizes[0] + sizes[1];
      add_entry(NULL, field, value);
    }
    ul_value_free(packed);
  } while (cursor != 0);
  say_entries();
}

static void scan_groups(ul_cache *cache) {
  uint64_t cursor = 0;
  do {
    ul_value *packed = NULL;
    ul_bytes bytes;
    if (failed(ul_scan_groups_packed(cache, &cursor, (size_t)word_number(1), &packed, &error)))
      return;
    bytes = ul_value_bytes(packed);
    for (size_t at = 0; at < bytes.size;) {
      uint32_t size;
      uint64_t fields;
      ul_bytes group;
      memcpy(&size, bytes.data + at, sizeof size);
      memcpy(&fields, bytes.data + at + sizeof size, sizeof fields);
      at += sizeof size + sizeof fields;
      group.data = bytes.data + at;
      group.size = size;
      at += size;
      add_group(NULL, group, fields);
    }
    ul_value_free(packed);
  } while (cursor != 0);
  say_entries();
}

/* --- the calls ------------------------------------------------------------------------------ */

static uint64_t removed[5];
static void count_removal(void *user, const ul_removal *removal) {
  (void)user;
  ++removed[removal->cause];
}

static void set(ul_cache *cache) {
  ul_set_options options = UL_SET_OPTIONS_INIT;
  int32_t outcome = 0;
  ul_status status;
  for (size_t i = 4; i < word_count; ++i) {
    const char *text = word_text(i);
    if (strncmp(text, "ttl=", 4) == 0) options.ttl_ms = strtoll(text + 4, NULL, 10);
    if (strcmp(text, "keep") == 0) options.keep_ttl = 1;
    if (strcmp(text, "if=absent") == 0) options.condition = UL_IF_ABSENT;
    if (strcmp(text, "if=present") == 0) options.condition = UL_IF_PRESENT;
  }
  status = ul_set(cache, word(1), word(2), word(3), &options, &outcome, &error);
  if (failed(status)) return;
  if (status == UL_UNCHANGED)
    fputs("unchanged", stdout);
  else
    fputs(outcome == UL_INSERTED ? "inserted" : "replaced", stdout);
}

static void say_one(void *user, size_t i, const ul_bytes *value) {
  (void)user;
  (void)i;
  fputc(' ', stdout);
  if (value)
    say_value(*value);
  else
    fputs("none", stdout);
}

static void get_many(ul_cache *cache) {
  ul_key keys[WORDS_MAX];
  size_t count = word_count - 2;
  for (size_t i = 0; i < count; ++i) {
    keys[i].group = word(1);
    keys[i].field = word(i + 2);
  }
  printf("%zu", count);
  failed(ul_visit_many(cache, keys, count, say_one, NULL, &error));
}

static void set_many(ul_cache *cache) {
  ul_item items[WORDS_MAX];
  size_t count = (word_count - 2) / 2;
  size_t written = 0;
  ul_status status;
  for (size_t i = 0; i < count; ++i) {
    items[i].group = word(1);
    items[i].field = word(2 * i + 2);
    items[i].value = word(2 * i + 3);
  }
  status = ul_set_many(cache, items, count, NULL, &written, &error);
  printf("%zu", written);
  if (status < 0) fputc(' ', stdout);
  failed(status);
}

static void load_as_told(void *user, ul_bytes group, ul_bytes field, ul_loaded *loaded) {
  (void)user;
  (void)group;
  (void)field;
  if (strcmp(word_text(3), "fail") == 0) ul_loaded_failure(loaded, word(4));
  if (strcmp(word_text(3), "value") == 0) ul_loaded_value(loaded, word(4), word_number(5));
}

static void say_ttl(ul_status status, int64_t ttl_ms) {
  if (failed(status)) return;
  if (status == UL_NOT_FOUND)
    fputs("none", stdout);
  else if (ttl_ms < 0)
    fputs("never", stdout);
  else
    printf("%lld", (long long)ttl_ms);
}

static ul_clock *scenario_clock;

static void run(ul_cache *cache, const char *name) {
  ul_value *value = NULL;
  int64_t number = 0;
  uint64_t count = 0;
  ul_stats stats = UL_STATS_INIT;
  if (strcmp(name, "set") == 0) {
    set(cache);
  } else if (strcmp(name, "get") == 0) {
    ul_status status = ul_get(cache, word(1), word(2), &value, &error);
    say_owned(status, value);
  } else if (strcmp(name, "contains") == 0) {
    say_yes(ul_contains(cache, word(1), word(2), &error));
  } else if (strcmp(name, "erase") == 0) {
    say_yes(ul_erase(cache, word(1), word(2), &error));
  } else if (strcmp(name, "size") == 0 || strcmp(name, "groups") == 0) {
    if (!failed(ul_get_stats(cache, &stats, &error)))
      printf("%llu", (unsigned long long)(name[0] == 's' ? stats.entries : stats.groups));
  } else if (strcmp(name, "group_size") == 0) {
    if (!failed(ul_group_size(cache, word(1), &count, &error)))
      printf("%llu", (unsigned long long)count);
  } else if (strcmp(name, "increment") == 0) {
    if (!failed(ul_increment(cache, word(1), word(2), word_number(3), &number, &error)))
      printf("%lld", (long long)number);
  } else if (strcmp(name, "compare_and_set") == 0) {
    say_yes(ul_compare_and_set(cache, word(1), word(2), word(3), word(4), NULL, &error));
  } else if (strcmp(name, "ttl") == 0) {
    ul_status status = ul_ttl(cache, word(1), word(2), &number, &error);
    say_ttl(status, number);
  } else if (strcmp(name, "group_ttl") == 0) {
    ul_status status = ul_group_ttl(cache, word(1), &number, &error);
    say_ttl(status, number);
  } else if (strcmp(name, "expire") == 0) {
    say_yes(ul_expire(cache, word(1), word(2), word_number(3), &error));
  } else if (strcmp(name, "expire_group") == 0) {
    say_yes(ul_expire_group(cache, word(1), word_number(2), &error));
  } else if (strcmp(name, "advance") == 0) {
    ul_clock_advance(scenario_clock, word_number(1));
    fputs("ok", stdout);
  } else if (strcmp(name, "get_many") == 0) {
    get_many(cache);
  } else if (strcmp(name, "set_many") == 0) {
    set_many(cache);
  } else if (strcmp(name, "for_each") == 0) {
    if (!failed(ul_for_each(cache, word(1), add_entry, NULL, &error))) say_entries();
  } else if (strcmp(name, "list") == 0) {
    if (!failed(ul_for_each_group(cache, add_group, NULL, &error))) say_entries();
  } else if (strcmp(name, "scan") == 0) {
    scan_entries(cache);
  } else if (strcmp(name, "scan_groups") == 0) {
    scan_groups(cache);
  } else if (strcmp(name, "erase_group") == 0) {
    say_yes(ul_erase_group(cache, word(1), &error));
  } else if (strcmp(name, "rename_group") == 0) {
    say_ok(ul_rename_group(cache, word(1), word(2), word_count > 3, &error));
  } else if (strcmp(name, "group_limits") == 0) {
    say_yes(ul_set_group_limits(cache, word(1), (uint64_t)word_number(2), (uint64_t)word_number(3),
                                word_number(4), &error));
  } else if (strcmp(name, "clear") == 0) {
    say_ok(ul_clear(cache, &error));
  } else if (strcmp(name, "tick") == 0) {
    size_t done = 0;
    ul_status status;
    do status = ul_tick(cache, 1000, &done, &error);
    while (status == UL_OK && done == 1000);
    say_ok(status);
  } else if (strcmp(name, "load") == 0) {
    ul_status status =
        ul_get_or_load(cache, word(1), word(2), load_as_told, NULL, NULL, &value, &error);
    say_owned(status, value);
  } else if (strcmp(name, "define_class") == 0) {
    ul_class_limits limits = UL_CLASS_LIMITS_INIT;
    limits.max_bytes = (uint64_t)word_number(2);
    say_ok(ul_define_class(cache, word(1), &limits, &error));
  } else if (strcmp(name, "remove_class") == 0) {
    say_yes(ul_remove_class(cache, word(1), &error));
  } else if (strcmp(name, "json_put") == 0) {
    say_ok(ul_json_put(cache, word(1), word(2), word(3), 0, &error));
  } else if (strcmp(name, "json_get") == 0) {
    int32_t complete = 0;
    ul_status status = ul_json_get(cache, word(1), word(2), &value, &complete, &error);
    if (failed(status)) return;
    if (status == UL_OK) {
      ul_bytes json = ul_value_bytes(value);
      printf("json %.*s%s", (int)json.size, json.data, complete ? "" : " incomplete");
    } else {
      fputs("none", stdout);
    }
    ul_value_free(value);
  } else if (strcmp(name, "json_erase") == 0) {
    ul_status status = ul_json_erase(cache, word(1), word(2), &count, &error);
    if (failed(status)) return;
    if (status == UL_OK)
      printf("%llu", (unsigned long long)count);
    else
      fputs("none", stdout);
  } else if (strcmp(name, "json_merge") == 0) {
    say_ok(ul_json_merge(cache, word(1), word(2), &error));
  } else if (strcmp(name, "json_patch") == 0) {
    say_ok(ul_json_patch(cache, word(1), word(2), &error));
  } else if (strcmp(name, "removals") == 0) {
    static const char *const names[] = {"evicted", "expired", "replaced", "erased", "limit"};
    static const int in_order[] = {UL_CAUSE_ERASED, UL_CAUSE_EVICTED, UL_CAUSE_EXPIRED,
                                   UL_CAUSE_LIMIT, UL_CAUSE_REPLACED};
    fputs("removals", stdout);
    for (size_t i = 0; i < 5; ++i) {
      int cause = in_order[i];
      if (removed[cause]) printf(" %s=%llu", names[cause], (unsigned long long)removed[cause]);
    }
  } else if (strcmp(name, "stats") == 0) {
    if (!failed(ul_get_stats(cache, &stats, &error)))
      printf("entries=%llu groups=%llu limit=%llu erased=%llu", (unsigned long long)stats.entries,
             (unsigned long long)stats.groups, (unsigned long long)stats.memory_limit,
             (unsigned long long)stats.removals[UL_CAUSE_ERASED]);
  } else if (strcmp(name, "validate") == 0) {
    say_ok(ul_validate(cache, &error));
  } else if (strcmp(name, "close") == 0) {
    ul_cache_close(cache);
    fputs("ok", stdout);
  } else {
    fputs("no such call", stdout);
  }
}

int main(int argc, char **argv) {
  ul_options options = UL_OPTIONS_INIT;
  ul_cache *cache = NULL;
  char line[LINE_MAX_BYTES];
  FILE *file;
  if (argc != 2 || !(file = fopen(argv[1], "rb"))) {
    fprintf(stderr, "usage: %s SCENARIO\n", argv[0]);
    return 2;
  }
  scenario_clock = ul_clock_manual(1000000);
  options.memory_limit = 8u << 20;
  options.manual_maintenance = 1;
  options.clock = scenario_clock;
  options.on_removal = count_removal;
  if (ul_cache_open(&options, &cache, &error) != UL_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 2;
  }
  for (int number = 1; fgets(line, sizeof line, file); ++number) {
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '\0' || line[0] == '#') continue;
    split(line);
    printf("%d %s ", number, word_text(0));
    run(cache, word_text(0));
    fputc('\n', stdout);
  }
  ul_cache_free(cache);
  ul_clock_free(scenario_clock);
  fclose(file);
  for (size_t i = 0; i < WORDS_MAX; ++i) free(words[i].data);
  return 0;
}
