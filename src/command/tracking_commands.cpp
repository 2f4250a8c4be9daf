// CLIENT TRACKING and what goes with it: see tracking.h. Subcommands of CLIENT.
#include "command/tracking_commands.h"

#include "command/call.h"
#include "command/tracking.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ullage::command {

namespace {

// Of one client: each is compared with each.
constexpr std::size_t k_prefixes_max = 256;

/// What the words after CLIENT TRACKING ON say, or none with an error written.
std::optional<TrackingOptions> parse_options(Call& call) {
  TrackingOptions options;
  for (std::size_t i = 3; i < call.args.size(); ++i) {
    const bool has_more = i + 1 < call.args.size();
    if (call.is_word(i, "REDIRECT") && has_more) {
      if (options.redirect != 0) {
        call.error("ERR A client can only redirect to a single other client");
        return std::nullopt;
      }
      const auto id = call.integer(++i);
      if (!id) return std::nullopt;
      options.redirect = static_cast<std::uint64_t>(*id);
      const auto to = call.services.clients.find(options.redirect);
      if (to == nullptr || !call.sees(*to)) {
        call.error("ERR The client ID you want redirect to does not exist");
        return std::nullopt;
      }
    } else if (call.is_word(i, "PREFIX") && has_more) {
      if (options.prefixes.size() == k_prefixes_max) {
        call.error("ERR more than " + std::to_string(k_prefixes_max) + " prefixes");
        return std::nullopt;
      }
      options.prefixes.emplace_back(call.args[++i]);
    } else if (call.is_word(i, "BCAST")) {
      options.broadcast = true;
    } else if (call.is_word(i, "OPTIN")) {
      options.opt_in = true;
    } else if (call.is_word(i, "OPTOUT")) {
      options.opt_out = true;
    } else if (call.is_word(i, "NOLOOP")) {
      options.no_loop = true;
    } else if (call.is_word(i, "FIELDS")) {
      options.fields = true;
    } else {
      call.syntax_error();
      return std::nullopt;
    }
  }
  return options;
}

/// What is wrong with the options by themselves, or after those that hold; "" if nothing is.
std::string conflict(const TrackingOptions& options, const TrackingOptions* present) {
  if (!options.broadcast && !options.prefixes.empty())
    return "PREFIX option requires BCAST mode to be enabled";
  if (present != nullptr && present->broadcast != options.broadcast) {
    return "You can't switch BCAST mode on/off before disabling tracking for this client, and then "
           "re-enabling it with a different mode.";
  }
  if (options.broadcast && (options.opt_in || options.opt_out))
    return "OPTIN and OPTOUT are not compatible with BCAST";
  if (options.opt_in && options.opt_out) return "You can't specify both OPTIN mode and OPTOUT mode";
  if (present != nullptr &&
      ((options.opt_in && present->opt_out) || (options.opt_out && present->opt_in))) {
    return "You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then "
           "re-enabling it with a different mode.";
  }
  return {};
}

bool overlap(std::string_view a, std::string_view b) noexcept {
  return a.starts_with(b) || b.starts_with(a);
}

/// A key that two prefixes of one client match would be told to it twice.
std::string overlapping(const TrackingOptions& options, const TrackingOptions* present) {
  const auto& prefixes = options.prefixes;
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    if (present != nullptr) {
      for (const std::string& old : present->prefixes) {
        if (overlap(old, prefixes[i])) {
          return "Prefix '" + prefixes[i] + "' overlaps with an existing prefix '" + old +
                 "'. Prefixes for a single client must not overlap.";
        }
      }
    }
    for (std::size_t j = i + 1; j < prefixes.size(); ++j) {
      if (overlap(prefixes[i], prefixes[j])) {
        return "Prefix '" + prefixes[i] + "' overlaps with another provided prefix '" +
               prefixes[j] + "'. Prefixes for a single client must not overlap.";
      }
    }
  }
  return {};
}

void switch_on(Call& call) {
  auto options = parse_options(call);
  if (!options) return;
  Session& session = call.session;
  const TrackingOptions* present = session.follow ? &session.follow->options() : nullptr;
  std::string problem = conflict(*options, present);
  if (problem.empty() && present != nullptr &&
      present->prefixes.size() + options->prefixes.size() > k_prefixes_max)
    problem = "more than " + std::to_string(k_prefixes_max) + " prefixes";
  if (problem.empty()) problem = overlapping(*options, present);
  if (!problem.empty()) return call.error("ERR " + problem);
  // What it followed it goes on to follow.
  if (options->broadcast && options->prefixes.empty() &&
      (present == nullptr || present->prefixes.empty()))
    options->prefixes.emplace_back();
  if (present != nullptr)
    options->prefixes.insert(options->prefixes.begin(), present->prefixes.begin(),
                             present->prefixes.end());
  if (!call.services.tracking.begin(session.client, *options))
    return call.error("ERR the server has no room for more tracking clients");
  if (session.follow) {
    session.follow->set_options(std::move(*options));
  } else {
    session.follow =
        std::make_unique<Follow>(call.services.tracking, session.client->id(), std::move(*options));
  }
  call.services.removal_news.wanted();
  call.reply.ok();
}

}  // namespace

void client_tracking(Call& call) {
  if (call.is_word(2, "ON")) return switch_on(call);
  if (!call.is_word(2, "OFF")) return call.syntax_error();
  if (!parse_options(call)) return;
  call.session.follow.reset();
  call.reply.ok();
}

void client_caching(Call& call) {
  Follow* follow = call.session.follow.get();
  if (follow == nullptr || (!follow->options().opt_in && !follow->options().opt_out)) {
    return call.error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
        "OPTOUT mode enabled");
  }
  const bool yes = call.is_word(2, "YES");
  if (!yes && !call.is_word(2, "NO")) return call.syntax_error();
  if (yes && !follow->options().opt_in) {
    return call.error(
        "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
  }
  if (!yes && !follow->options().opt_out) {
    return call.error(
        "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
  }
  follow->caching_said = true;
  call.reply.ok();
}

void client_getredir(Call& call) {
  const Follow* follow = call.session.follow.get();
  call.reply.integer(follow == nullptr ? -1
                                       : static_cast<std::int64_t>(follow->options().redirect));
}

void client_trackinginfo(Call& call) {
  const Follow* follow = call.session.follow.get();
  std::vector<std::string_view> flags;
  const TrackingOptions none;
  const TrackingOptions& options = follow == nullptr ? none : follow->options();
  flags.emplace_back(follow == nullptr ? "off" : "on");
  if (options.broadcast) flags.emplace_back("bcast");
  if (options.opt_in) flags.emplace_back("optin");
  if (options.opt_in && follow->caching_said) flags.emplace_back("caching-yes");
  if (options.opt_out) flags.emplace_back("optout");
  if (options.opt_out && follow->caching_said) flags.emplace_back("caching-no");
  if (options.no_loop) flags.emplace_back("noloop");
  if (options.fields) flags.emplace_back("fields");
  if (call.session.client->tracking_broken.load(std::memory_order_relaxed))
    flags.emplace_back("broken_redirect");
  call.reply.map(3);
  call.reply.bulk("flags");
  call.reply.set(flags.size());
  for (const std::string_view flag : flags)
    call.reply.bulk(flag);
  call.reply.bulk("redirect");
  call.reply.integer(follow == nullptr ? -1
                                       : static_cast<std::int64_t>(follow->options().redirect));
  call.reply.bulk("prefixes");
  call.reply.array(options.prefixes.size());
  for (const std::string& prefix : options.prefixes)
    call.reply.bulk(prefix);
}

}  // namespace ullage::command
