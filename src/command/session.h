// What a connection is to the commands. No sockets here. Belongs to one thread.
#pragma once

#include "command/client.h"
#include "command/command_counts.h"
#include "command/group_calls.h"
#include "resp/reply.h"

#include <atomic>
#include <cstdint>
#include <memory>

namespace ullage::command {

/// Set by whoever changes a watched key, from any thread.
using WatchFlag = std::shared_ptr<std::atomic<bool>>;

struct Transaction;
class WatchedKeys;
class Subscriptions;
class Follow;
class LongWork;

/// CLIENT REPLY.
enum class Replies : std::uint8_t {
  on,
  off,
  skip_next,  ///< not to the command after this one
  skip,       ///< not to this one
};

struct Session {
  Session();
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  std::shared_ptr<Client> client;     ///< as others see it
  CommandCounts* counts = nullptr;    ///< of the thread that serves it; null: nobody counts
  GroupCalls* group_calls = nullptr;  ///< likewise
  unsigned database = 0;
  resp::Protocol protocol = resp::Protocol::resp2;
  Replies replies = Replies::on;
  std::shared_ptr<const User> user;  ///< who it is; null: has not said it
  std::uint64_t acl_version = 0;     ///< at which `user` was looked up
  bool executing = false;            ///< inside EXEC: its keys are held already
  bool closing = false;              ///< the connection ends once its replies are sent
  bool can_wait = false;             ///< long commands may go on in later rounds
  bool paused = false;               ///< its next command waits for the end of a pause

  std::unique_ptr<Transaction> transaction;  ///< since MULTI
  std::unique_ptr<WatchedKeys> watched;      ///< since WATCH
  std::unique_ptr<Subscriptions> subscriptions;
  std::unique_ptr<LongWork> unfinished;  ///< what the next command waits for
  std::unique_ptr<Follow> follow;        ///< since CLIENT TRACKING ON

  /// As a client that has just come; what it said of itself stays.
  void reset();
};

}  // namespace ullage::command
