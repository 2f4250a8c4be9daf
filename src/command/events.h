// What may happen to a key, in the words of keyspace notifications.
#pragma once

#include <string_view>

namespace ullage::command {

/// `type` is its letter in the setting notify-keyspace-events.
struct Event {
  std::string_view name;
  char type;
};

inline constexpr Event k_event_del{"del", 'g'};
inline constexpr Event k_event_rename_from{"rename_from", 'g'};
inline constexpr Event k_event_rename_to{"rename_to", 'g'};
inline constexpr Event k_event_copy_to{"copy_to", 'g'};
inline constexpr Event k_event_restore{"restore", 'g'};
inline constexpr Event k_event_expire{"expire", 'g'};
inline constexpr Event k_event_persist{"persist", 'g'};

inline constexpr Event k_event_set{"set", '$'};
inline constexpr Event k_event_incrby{"incrby", '$'};
inline constexpr Event k_event_incrbyfloat{"incrbyfloat", '$'};
inline constexpr Event k_event_append{"append", '$'};
inline constexpr Event k_event_setrange{"setrange", '$'};

inline constexpr Event k_event_hset{"hset", 'h'};
inline constexpr Event k_event_hdel{"hdel", 'h'};
inline constexpr Event k_event_hincrby{"hincrby", 'h'};
inline constexpr Event k_event_hincrbyfloat{"hincrbyfloat", 'h'};
inline constexpr Event k_event_hexpire{"hexpire", 'h'};
inline constexpr Event k_event_hpersist{"hpersist", 'h'};

// Of documents, as RedisJSON tells them.
inline constexpr Event k_event_json_set{"json.set", 'd'};
inline constexpr Event k_event_json_del{"json.del", 'd'};
inline constexpr Event k_event_json_numincrby{"json.numincrby", 'd'};
inline constexpr Event k_event_json_merge{"json.merge", 'd'};
inline constexpr Event k_event_json_clear{"json.clear", 'd'};

// Of single fields; the first is Redis 7.4's, the second ours.
inline constexpr Event k_event_hexpired{"hexpired", 'h'};
inline constexpr Event k_event_hevicted{"hevicted", 'h'};

inline constexpr Event k_event_expired{"expired", 'x'};
inline constexpr Event k_event_evicted{"evicted", 'e'};

}  // namespace ullage::command
