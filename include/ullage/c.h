/*
 * Ullage for C, and for what calls C: a two-level cache, group -> field -> value.
 *
 *   ul_options options = UL_OPTIONS_INIT;
 *   options.memory_limit = 64 << 20;
 *   ul_cache *cache = NULL;
 *   ul_error error = {0};
 *   if (ul_cache_open(&options, &cache, &error) != UL_OK) die(error.message);
 *   ul_set(cache, ul_text("user:42"), ul_text("theme"), ul_text("dark"), NULL, NULL, &error);
 *   ul_value *value = NULL;
 *   if (ul_get(cache, ul_text("user:42"), ul_text("theme"), &value, NULL) == UL_OK) {
 *     use(ul_value_bytes(value));
 *     ul_value_free(value);
 *   }
 *   ul_cache_free(cache);
 *
 * CONVENTIONS
 *  1. Everything is named ul_ or UL_. Nothing else is exported by the library.
 *  2. A call that may fail answers a ul_status: 0 is success, above 0 an answer that is no failure
 *     ("there is none"), below 0 a failure, and then nothing was changed. `error`, where given,
 *     gets the status and a sentence for people; of what is no failure it stays as it was.
 *  3. Names and values are bytes with a length: zeroes are allowed, and nothing ends with one.
 *  4. BORROWED is what has the type ul_bytes: arguments need to live during the call only, and what
 *     a callback gets is valid during that callback. OWNED is what a call hands out as ul_value *:
 *     it stays valid whatever happens to the cache, and is yours to free. NULL may be freed.
 *  5. Structs that may grow begin with struct_size: fill them by their UL_..._INIT. A library that
 *     knows more takes what is missing as its default; one that knows less refuses what it does not
 *     know, unless it is zero.
 *  6. All calls of an open cache may come from any thread at once, except ul_cache_close() and
 *     ul_cache_free(), during which no other may be under way.
 *  7. A cache that was closed answers UL_CLOSED until it is freed. NULL for a cache, or for a
 *     result that has to go somewhere, is UL_INVALID_ARGUMENT.
 *  8. Callbacks are a function and a pointer of yours that it gets back. They must return: no
 *     longjmp, no exception. They run outside all locks and may call the cache, except where it
 *     says otherwise. No exception ever leaves a call.
 *  9. Times are milliseconds. A time to live of 0 is none.
 * 10. UL_ABI_VERSION changes its major when something that was there is no more or means something
 *     else, its minor when something is new. ul_abi_version() is what the library has.
 */
/* NOLINTBEGIN(modernize-*,performance-enum-size): C */
#ifndef ULLAGE_C_H
#define ULLAGE_C_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UL_ABI_MAJOR 0
#define UL_ABI_MINOR 1
#define UL_ABI_VERSION (UL_ABI_MAJOR * 1000 + UL_ABI_MINOR)

#if defined(__GNUC__)
#define UL_API __attribute__((visibility("default")))
#else
#define UL_API
#endif

typedef struct ul_cache ul_cache;
typedef struct ul_value ul_value;
typedef struct ul_clock ul_clock;

/* What a call answers. The numbers are fixed. */
typedef int32_t ul_status;
enum {
  UL_OK = 0,
  UL_NOT_FOUND = 1, /* there is no such entry or group, or the loader says there is none */
  UL_UNCHANGED = 2, /* a condition did not hold; nothing was written */

  UL_INVALID_ARGUMENT = -1,
  UL_LIMIT_TOO_SMALL = -2,
  UL_LIMIT_TOO_LARGE = -3,
  UL_NAME_TOO_LONG = -4,
  UL_VALUE_TOO_LONG = -5,
  UL_TTL_OUT_OF_RANGE = -6,
  UL_BATCH_TOO_LARGE = -7,
  UL_GROUP_TOO_LARGE = -8,
  UL_NO_ROOM = -9,
  UL_MISSING = -10, /* the entry or group that the call needs does not exist */
  UL_EXISTS = -11,
  UL_NOT_A_NUMBER = -12,
  UL_OUT_OF_RANGE = -13,
  UL_BUSY = -14,
  UL_REENTERED = -15,
  UL_LOAD_FAILED = -16,
  UL_SYSTEM = -17,
  UL_CLOSED = -18,
  UL_OUT_OF_MEMORY = -19,
  UL_BAD_ENCODING = -20,
  UL_BAD_JSON = -21,
  UL_BAD_POINTER = -22,
  UL_BAD_PATCH = -23,
  UL_PATCH_FAILED = -24,
  UL_TOO_DEEP = -25,
  UL_TOO_MANY_LEAVES = -26,
  UL_PATH_TOO_LONG = -27,
  UL_WRONG_TYPE = -28,
  UL_WRONG_KIND = -29
};

#define UL_MESSAGE_BYTES 252
typedef struct ul_error {
  ul_status status;
  char message[UL_MESSAGE_BYTES]; /* ends with a zero; cut where it is longer */
} ul_error;

/* Bytes of somebody else (convention 4). */
typedef struct ul_bytes {
  const char* data; /* may be NULL if size is 0 */
  size_t size;
} ul_bytes;

static inline ul_bytes ul_text(const char* text) {
  ul_bytes bytes;
  bytes.data = text;
  bytes.size = text ? strlen(text) : 0;
  return bytes;
}

/* "not_found", "name_too_long"; "unknown" for what is none. Never NULL. */
UL_API const char* ul_status_name(ul_status status);
/* Of the library that is loaded: UL_ABI_VERSION, and its release as in "0.1.0". */
UL_API int32_t ul_abi_version(void);
UL_API const char* ul_version(void);

/* --- values that are yours ------------------------------------------------------------------- */

UL_API ul_bytes ul_value_bytes(const ul_value* value);
UL_API void ul_value_free(ul_value* value);

/* --- clocks, for tests: time that stands still until told otherwise ------------------------- */

UL_API ul_clock* ul_clock_manual(int64_t start_ms); /* NULL: out of memory */
UL_API void ul_clock_advance(ul_clock* clock, int64_t by_ms);
UL_API void ul_clock_free(ul_clock* clock); /* caches keep what they need of it */

/* --- opening --------------------------------------------------------------------------------- */

enum { UL_CAUSE_EVICTED, UL_CAUSE_EXPIRED, UL_CAUSE_REPLACED, UL_CAUSE_ERASED, UL_CAUSE_LIMIT };

typedef struct ul_removal {
  ul_bytes group;
  ul_bytes field;
  ul_bytes value; /* empty unless options.removal_values */
  uint64_t value_bytes;
  uint64_t lost_before; /* events that were lost since the one before */
  int32_t cause;        /* UL_CAUSE_... */
} ul_removal;
/* On the cache's own thread, or in ul_tick(). */
typedef void (*ul_on_removal)(void* user, const ul_removal* removal);

typedef struct ul_options {
  size_t struct_size;
  uint64_t memory_limit;     /* bytes the cache may add to the process; 0: 64 MiB */
  uint64_t max_memory_limit; /* how far ul_set_memory_limit() may go; 0: memory_limit */
  uint64_t max_entries;      /* 0: none */
  uint64_t max_value_bytes;  /* 0: 1 MiB */
  uint64_t group_max_fields; /* of every group without limits of its own; 0: none */
  uint64_t group_max_bytes;
  int64_t group_idle_ttl_ms;
  int32_t lru;                /* not 0: least recently used instead of the adaptive ranking */
  int32_t manual_maintenance; /* not 0: no thread of its own; ul_tick() does the work */
  ul_on_removal on_removal;
  void* on_removal_user;
  int32_t removal_values;  /* not 0: removals bring their values along */
  uint32_t removal_causes; /* bits 1 << UL_CAUSE_...; 0: all */
  const ul_clock* clock;   /* NULL: the system's */
} ul_options;
#define UL_OPTIONS_INIT {sizeof(ul_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0, NULL}

UL_API ul_status ul_cache_open(const ul_options* options, ul_cache** cache, ul_error* error);
/* Gives all memory back but the handle's: calls answer UL_CLOSED from then on. */
UL_API void ul_cache_close(ul_cache* cache);
UL_API void ul_cache_free(ul_cache* cache);

/* --- one entry ------------------------------------------------------------------------------- */

enum { UL_ALWAYS, UL_IF_ABSENT, UL_IF_PRESENT };
enum { UL_INSERTED, UL_REPLACED };

typedef struct ul_set_options {
  size_t struct_size;
  int64_t ttl_ms;    /* 0: none */
  int32_t keep_ttl;  /* not 0: a present entry keeps the one it has */
  int32_t condition; /* UL_ALWAYS, ... */
} ul_set_options;
#define UL_SET_OPTIONS_INIT {sizeof(ul_set_options), 0, 0, UL_ALWAYS}

/* `outcome`, if wanted: UL_INSERTED or UL_REPLACED. UL_UNCHANGED if the condition did not hold. */
UL_API ul_status ul_set(ul_cache* cache, ul_bytes group, ul_bytes field, ul_bytes value,
                        const ul_set_options* options, int32_t* outcome, ul_error* error);
/* UL_OK and a value of yours, or UL_NOT_FOUND and NULL. */
UL_API ul_status ul_get(ul_cache* cache, ul_bytes group, ul_bytes field, ul_value** value,
                        ul_error* error);
/* The value to `buffer`; never allocates. `size` is the value's: where it is above `capacity`
 * nothing was copied. */
UL_API ul_status ul_get_into(ul_cache* cache, ul_bytes group, ul_bytes field, char* buffer,
                             size_t capacity, size_t* size, ul_error* error);
typedef void (*ul_visitor)(void* user, ul_bytes value);
/* Shows the value without handing it out. */
UL_API ul_status ul_visit(ul_cache* cache, ul_bytes group, ul_bytes field, ul_visitor visitor,
                          void* user, ul_error* error);
/* UL_OK: there is one. */
UL_API ul_status ul_contains(ul_cache* cache, ul_bytes group, ul_bytes field, ul_error* error);
UL_API ul_status ul_value_size(ul_cache* cache, ul_bytes group, ul_bytes field, size_t* size,
                               ul_error* error);
/* UL_OK: there was one. */
UL_API ul_status ul_erase(ul_cache* cache, ul_bytes group, ul_bytes field, ul_error* error);
/* UL_UNCHANGED if the present value is another, or there is none. */
UL_API ul_status ul_compare_and_set(ul_cache* cache, ul_bytes group, ul_bytes field,
                                    ul_bytes expected, ul_bytes desired,
                                    const ul_set_options* options, ul_error* error);
/* Adds to a decimal integer, from 0 if there is none. `result`, if wanted: the sum. */
UL_API ul_status ul_increment(ul_cache* cache, ul_bytes group, ul_bytes field, int64_t by,
                              int64_t* result, ul_error* error);

/* --- batches --------------------------------------------------------------------------------- */

typedef struct ul_key {
  ul_bytes group;
  ul_bytes field;
} ul_key;
typedef struct ul_item {
  ul_bytes group;
  ul_bytes field;
  ul_bytes value;
} ul_item;
/* `value` is NULL for a miss. */
typedef void (*ul_many_visitor)(void* user, size_t i, const ul_bytes* value);
UL_API ul_status ul_visit_many(ul_cache* cache, const ul_key* keys, size_t count,
                               ul_many_visitor visitor, void* user, ul_error* error);
/* Writes in order and stops at the first failure; `written`, if wanted, says how many came before
 * it, those included whose condition did not hold. */
UL_API ul_status ul_set_many(ul_cache* cache, const ul_item* items, size_t count,
                             const ul_set_options* options, size_t* written, ul_error* error);

/* For languages that may not pass pointers to their memory within memory. `names` has the bytes of
 * group and field of each key one after the other, `sizes` two lengths a key. The values come back
 * in one block: `sizes_out` has their lengths, or UL_ABSENT. */
#define UL_ABSENT UINT32_MAX
UL_API ul_status ul_get_packed(ul_cache* cache, const char* names, const uint32_t* sizes,
                               size_t count, char* buffer, size_t capacity, uint32_t* sizes_out,
                               size_t* needed, ul_error* error);
/* The same for writing: three lengths an item. */
UL_API ul_status ul_set_packed(ul_cache* cache, const char* bytes, const uint32_t* sizes,
                               size_t count, const ul_set_options* options, size_t* written,
                               ul_error* error);

/* --- groups ---------------------------------------------------------------------------------- */

typedef void (*ul_entry_visitor)(void* user, ul_bytes field, ul_bytes value);
UL_API ul_status ul_for_each(ul_cache* cache, ul_bytes group, ul_entry_visitor visitor, void* user,
                             ul_error* error);
typedef void (*ul_group_visitor)(void* user, ul_bytes group, uint64_t fields);
UL_API ul_status ul_for_each_group(ul_cache* cache, ul_group_visitor visitor, void* user,
                                   ul_error* error);
/* A step of a scan: `cursor` begins as 0 and is 0 again at the end. What is there from start to
 * end is seen at least once. The entries come in one block: for each two lengths of 4 bytes (of
 * this machine's order), of field and value, and then their bytes. */
UL_API ul_status ul_scan_packed(ul_cache* cache, ul_bytes group, uint64_t* cursor, size_t count,
                                ul_value** entries, ul_error* error);
/* The same over groups: for each its length in 4 bytes, its fields in 8, and then its name. */
UL_API ul_status ul_scan_groups_packed(ul_cache* cache, uint64_t* cursor, size_t count,
                                       ul_value** groups, ul_error* error);
UL_API ul_status ul_erase_group(ul_cache* cache, ul_bytes group, ul_error* error);
/* UL_MISSING, UL_EXISTS unless `replace`. */
UL_API ul_status ul_rename_group(ul_cache* cache, ul_bytes from, ul_bytes to, int32_t replace,
                                 ul_error* error);
UL_API ul_status ul_contains_group(ul_cache* cache, ul_bytes group, ul_error* error);
UL_API ul_status ul_group_size(ul_cache* cache, ul_bytes group, uint64_t* fields, ul_error* error);
UL_API ul_status ul_clear(ul_cache* cache, ul_error* error);

/* --- times to live --------------------------------------------------------------------------- */

/* From now; 0 takes it away. */
UL_API ul_status ul_expire(ul_cache* cache, ul_bytes group, ul_bytes field, int64_t ttl_ms,
                           ul_error* error);
UL_API ul_status ul_expire_group(ul_cache* cache, ul_bytes group, int64_t ttl_ms, ul_error* error);
/* What is left; -1: it does not expire by itself. */
UL_API ul_status ul_ttl(ul_cache* cache, ul_bytes group, ul_bytes field, int64_t* ttl_ms,
                        ul_error* error);
UL_API ul_status ul_group_ttl(ul_cache* cache, ul_bytes group, int64_t* ttl_ms, ul_error* error);

/* --- loading --------------------------------------------------------------------------------- */

typedef struct ul_loaded ul_loaded;
/* Says what a loader found. Copies. Without a call there is none. */
UL_API void ul_loaded_value(ul_loaded* loaded, ul_bytes value, int64_t ttl_ms);
UL_API void ul_loaded_failure(ul_loaded* loaded, ul_bytes message);
typedef void (*ul_loader)(void* user, ul_bytes group, ul_bytes field, ul_loaded* loaded);

typedef struct ul_load_options {
  size_t struct_size;
  int64_t ttl_ms;          /* of what is loaded; 0: none */
  int64_t negative_ttl_ms; /* how long "there is none" is remembered; 0: not at all */
  int64_t failure_ttl_ms;  /* how long a failure is; 0: not at all */
} ul_load_options;
#define UL_LOAD_OPTIONS_INIT {sizeof(ul_load_options), 0, 0, 0}

/* The value, or what the loader finds, stored. While one thread loads an entry, others that ask
 * for it wait for that flight. The loader runs within this call or not at all. */
UL_API ul_status ul_get_or_load(ul_cache* cache, ul_bytes group, ul_bytes field, ul_loader loader,
                                void* user, const ul_load_options* options, ul_value** value,
                                ul_error* error);

/* --- limits ---------------------------------------------------------------------------------- */

UL_API ul_status ul_set_memory_limit(ul_cache* cache, uint64_t bytes, ul_error* error);
/* Of one group that exists; 0: none. */
UL_API ul_status ul_set_group_limits(ul_cache* cache, ul_bytes group, uint64_t max_fields,
                                     uint64_t max_bytes, int64_t idle_ttl_ms, ul_error* error);

/* Limits of all groups whose name matches a pattern ("session:*"), together. */
typedef struct ul_class_limits {
  size_t struct_size;
  uint64_t min_bytes; /* kept from others */
  uint64_t low_bytes;
  uint64_t high_bytes; /* 0: none */
  uint64_t max_bytes;  /* 0: none */
  uint64_t group_max_fields;
  uint64_t group_max_bytes;
  int64_t group_idle_ttl_ms;
  int64_t ttl_ms;  /* of entries written without one */
  uint32_t weight; /* 0: as others */
} ul_class_limits;
#define UL_CLASS_LIMITS_INIT {sizeof(ul_class_limits), 0, 0, 0, 0, 0, 0, 0, 0, 0}
UL_API ul_status ul_define_class(ul_cache* cache, ul_bytes pattern, const ul_class_limits* limits,
                                 ul_error* error);
UL_API ul_status ul_remove_class(ul_cache* cache, ul_bytes pattern, ul_error* error);

/* --- care ------------------------------------------------------------------------------------ */

/* Does up to `budget` steps of maintenance; `done`, if wanted: fewer than `budget` means that
 * nothing is left. */
UL_API ul_status ul_tick(ul_cache* cache, size_t budget, size_t* done, ul_error* error);

typedef struct ul_stats {
  size_t struct_size;
  uint64_t entries;
  uint64_t groups;
  uint64_t hits;
  uint64_t misses;
  uint64_t inserts; /* entries that were new */
  uint64_t memory_limit;
  uint64_t charged_bytes; /* what the cache takes of its limit */
  uint64_t payload_bytes; /* of names and values */
  uint64_t removals[5];   /* by UL_CAUSE_... */
  uint64_t removal_events_lost;
} ul_stats;
#define UL_STATS_INIT {sizeof(ul_stats), 0, 0, 0, 0, 0, 0, 0, 0, {0, 0, 0, 0, 0}, 0}
UL_API ul_status ul_get_stats(ul_cache* cache, ul_stats* stats, ul_error* error);
/* Figures of the cache for Prometheus, as text. */
UL_API ul_status ul_metrics(ul_cache* cache, ul_value** text, ul_error* error);
/* Who owns the bytes: a gzipped pprof profile for `go tool pprof`. */
UL_API ul_status ul_data_profile(ul_cache* cache, ul_value** profile, ul_error* error);
/* Walks everything and proves that the books balance: for tests and doubt. UL_OK: they do. */
UL_API ul_status ul_validate(ul_cache* cache, ul_error* error);

/* --- JSON documents: a group holds one, each of its leaves is an entry ----------------------- */

/* Puts a document, or the part that a JSON Pointer names ("" is all of it). */
UL_API ul_status ul_json_put(ul_cache* cache, ul_bytes group, ul_bytes pointer, ul_bytes json,
                             int64_t ttl_ms, ul_error* error);
/* The text of it. `complete`, if wanted: 0 if leaves of the document were lost. */
UL_API ul_status ul_json_get(ul_cache* cache, ul_bytes group, ul_bytes pointer, ul_value** json,
                             int32_t* complete, ul_error* error);
/* UL_NOT_FOUND if nothing is there. `erased`, if wanted: how many leaves went. */
UL_API ul_status ul_json_erase(ul_cache* cache, ul_bytes group, ul_bytes pointer, uint64_t* erased,
                               ul_error* error);
UL_API ul_status ul_json_merge(ul_cache* cache, ul_bytes group, ul_bytes patch, ul_error* error);
UL_API ul_status ul_json_patch(ul_cache* cache, ul_bytes group, ul_bytes patch, ul_error* error);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ULLAGE_C_H */
/* NOLINTEND(modernize-*,performance-enum-size) */
