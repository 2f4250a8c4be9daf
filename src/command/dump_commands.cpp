// DUMP and RESTORE: a key as bytes, in a format of our own.
//
//   | "ULLAGE" 6 | version 1 | kind 1 | count 4 | entries | checksum 4 |
//
//   entry     | field length 4 | value length 4 | ttl ms 8, -1: none | field | value |
//   checksum  CRC-32 of all before it
//
// Numbers are little-endian. Foreign payloads are refused: they have neither the mark nor the sum.
#include "command/call.h"
#include "command/families.h"
#include "command/key_ttl.h"
#include "command/string_write.h"

#include <bit>
#include <cstring>
#include <optional>
#include <string>

#include <zlib.h>

namespace ullage::command {

namespace {

constexpr std::string_view k_mark = "ULLAGE";
constexpr char k_version = 1;
constexpr char k_string_kind = 's';
constexpr char k_hash_kind = 'h';
constexpr std::size_t k_count_at = 6 + 1 + 1;
constexpr std::size_t k_head_bytes = k_count_at + 4;
constexpr std::size_t k_entry_head_bytes = 4 + 4 + 8;
constexpr std::size_t k_sum_bytes = 4;

static_assert(std::endian::native == std::endian::little, "numbers are copied as they are");

template <class T>
void put(resp::Output& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append({bytes, sizeof value});
}
template <class T>
T take(std::string_view& from) {
  T value{};
  from.copy(reinterpret_cast<char*>(&value), sizeof value);
  from.remove_prefix(sizeof value);
  return value;
}

std::uint32_t sum_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

// Straight into the reply, which is bounded, as everything that clients make the server hold.
void dump(Call& call) {
  const Key key = call.key(1);
  call.reading(key, [&] {
    if (call.is_document(key))
      return call.error("ERR DUMP knows no JSON documents; JSON.GET has their text");
    resp::Output& out = call.reply.output();
    const std::size_t place = out.size();
    std::uint32_t count = 0;
    out.append(k_mark);
    out.append(k_version);
    out.append(call.is_string(key) ? k_string_kind : k_hash_kind);
    put(out, count);
    const auto walked =
        call.cache().for_each(key.group(), [&](std::string_view field, std::string_view value) {
          const auto ttl = call.cache().ttl(key.group(), field);
          put(out, static_cast<std::uint32_t>(field.size()));
          put(out, static_cast<std::uint32_t>(value.size()));
          put(out, ttl && ttl->remaining ? ttl->remaining->count() : std::int64_t{-1});
          out.append(field);
          out.append(value);
          ++count;
        });
    if (!walked || count == 0) {
      out.truncate(place);
      return walked ? call.reply.null() : call.refused(walked.error());
    }
    if (out.failed()) return;
    out.overwrite(place + k_count_at, {reinterpret_cast<const char*>(&count), sizeof count});
    put(out, sum_of(out.view().substr(place)));
    if (out.failed()) return;
    const std::size_t bytes = out.size() - place;
    out.insert(place, "$" + std::to_string(bytes) + "\r\n");
    out.append("\r\n");
  });
}

struct DumpedEntry {
  std::string_view field;
  std::string_view value;
  std::int64_t ttl_ms = -1;
};

/// A payload whose sum is right, entry by entry. Views it.
class Dumped {
 public:
  /// None if it is not what dump() writes, to its end.
  static std::optional<Dumped> parse(std::string_view payload) {
    if (payload.size() < k_head_bytes + k_sum_bytes || !payload.starts_with(k_mark) ||
        payload[k_mark.size()] != k_version)
      return std::nullopt;
    std::string_view sum = payload.substr(payload.size() - k_sum_bytes);
    payload.remove_suffix(k_sum_bytes);
    if (take<std::uint32_t>(sum) != sum_of(payload)) return std::nullopt;
    Dumped dumped;
    const char kind = payload[k_mark.size() + 1];
    dumped.is_string_ = kind == k_string_kind;
    if (!dumped.is_string_ && kind != k_hash_kind) return std::nullopt;
    payload.remove_prefix(k_count_at);
    dumped.count_ = take<std::uint32_t>(payload);
    dumped.left_ = payload;
    if (dumped.count_ == 0 || (dumped.is_string_ && dumped.count_ != 1)) return std::nullopt;
    // Looked at as a whole before anything of it is used.
    Dumped walk = dumped;
    while (walk.count_ != 0) {
      if (!walk.next()) return std::nullopt;
    }
    return walk.left_.empty() ? std::optional(dumped) : std::nullopt;
  }

  [[nodiscard]] bool is_string() const noexcept { return is_string_; }
  /// The next entry; none at the end, and where it is none that dump() writes.
  std::optional<DumpedEntry> next() {
    if (count_ == 0 || left_.size() < k_entry_head_bytes) return std::nullopt;
    const auto field_bytes = take<std::uint32_t>(left_);
    const auto value_bytes = take<std::uint32_t>(left_);
    const auto ttl_ms = take<std::int64_t>(left_);
    if (left_.size() < std::uint64_t{field_bytes} + value_bytes) return std::nullopt;
    const DumpedEntry entry{left_.substr(0, field_bytes), left_.substr(field_bytes, value_bytes),
                            ttl_ms};
    // A string is one entry without a name, and a hash has none such.
    if (entry.field.empty() != is_string_ || ttl_ms < -1) return std::nullopt;
    left_.remove_prefix(std::size_t{field_bytes} + value_bytes);
    --count_;
    return entry;
  }

 private:
  Dumped() = default;

  bool is_string_ = false;
  std::uint32_t count_ = 0;
  std::string_view left_;
};

void restore(Call& call) {
  bool replace = false;
  bool absolute = false;
  for (std::size_t i = 4; i < call.args.size(); ++i) {
    const bool has_value = i + 1 < call.args.size();
    if (call.is_word(i, "REPLACE")) {
      replace = true;
    } else if (call.is_word(i, "ABSTTL")) {
      absolute = true;
    } else if (has_value && (call.is_word(i, "IDLETIME") || call.is_word(i, "FREQ"))) {
      if (!call.integer_in(++i, 0, INT64_MAX)) return;  // known, and of no use here
    } else {
      return call.syntax_error();
    }
  }
  const auto ttl = call.integer(2);
  if (!ttl) return;
  if (*ttl < 0) return call.error("ERR Invalid TTL value, must be >= 0");
  const Key key = call.key(1);
  if (!call.name_fits(key)) return;
  const Writing held(call, key, Writing::Changes::several);
  if (!replace && call.exists(key)) return call.error("BUSYKEY Target key name already exists.");
  auto dumped = Dumped::parse(call.args[3]);
  if (!dumped) return call.error("ERR DUMP payload version or checksum are wrong");
  std::optional<std::int64_t> at_ms;
  if (*ttl != 0) {
    at_ms = moment_ms(*ttl, absolute ? k_unix_millis : k_millis_left, call.now_ms());
    if (!at_ms || !moment_fits(call, *at_ms)) return;
  }
  if (dumped->is_string()) see_strings(call);
  call.cache().erase_group(key.group());
  if (at_ms && *at_ms <= call.now_ms()) return call.reply.ok();
  while (const auto entry = dumped->next()) {
    SetOptions options;
    if (!dumped->is_string() && entry->ttl_ms >= 0)
      options.ttl = Millis(std::clamp<std::int64_t>(entry->ttl_ms, 1, k_ttl_max_ms));
    const auto done = call.cache().set(key.group(), entry->field, entry->value, options);
    if (done) continue;
    call.cache().erase_group(key.group());
    return call.refused(done.error());
  }
  if (at_ms) set_key_end(call, key, at_ms);
  call.changed(key, k_event_restore);
  call.reply.ok();
}

constexpr Row k_rows[] = {
    make_row(Family::generic, "DUMP", 2, k_readonly, k_one_key, "key",
             "A key as bytes, in a format of our own.", "2.6.0", "O(N) for N bytes", dump),
    make_row(Family::generic, "RESTORE", -4, k_write | k_denyoom | k_dangerous, k_one_key,
             "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
             "A key from the bytes of DUMP; foreign ones are refused.", "2.6.0", "O(N) for N bytes",
             restore),
};

}  // namespace

std::span<const Row> dump_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
