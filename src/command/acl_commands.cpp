// ACL: users, and what they may do.
#include "command/acl.h"
#include "command/call.h"
#include "command/categories.h"
#include "command/families.h"
#include "command/host.h"
#include "command/words.h"

#include <array>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <openssl/rand.h>

namespace ullage::command {

namespace {

/// Who is connected learns at once what his user may do now; the connections of one who is gone
/// end.
void tell_clients(Call& call, std::string_view name) {
  const auto user = call.services.acl.find(name);
  call.services.clients.for_each([&](Client& client) {
    const auto before = client.user();
    if (!before || before->name() != name) return;
    if (user) {
      client.set_user(user);
    } else if (&client == call.session.client.get()) {
      call.session.closing = true;
    } else {
      client.close();
    }
  });
}

void setuser(Call& call) {
  const std::string name(call.args[2]);
  if (name.find_first_of(" \t\r\n") != std::string::npos || name.find('\0') != std::string::npos)
    return call.error("ERR Usernames can't contain spaces or null characters");
  std::vector<std::string> rules;
  for (std::size_t i = 3; i < call.args.size(); ++i)
    rules.emplace_back(call.args[i]);
  if (const auto refusal = call.services.acl.change(name, rules)) {
    return call.error("ERR Error in ACL SETUSER modifier '" + refusal->rule + "': " + refusal->why);
  }
  tell_clients(call, name);
  call.reply.ok();
}

void deluser(Call& call) {
  std::int64_t removed = 0;
  for (std::size_t i = 2; i < call.args.size(); ++i) {
    if (call.args[i] == "default") return call.error("ERR The 'default' user cannot be removed");
  }
  for (std::size_t i = 2; i < call.args.size(); ++i) {
    if (!call.services.acl.remove(call.args[i])) continue;
    tell_clients(call, call.args[i]);
    ++removed;
  }
  call.reply.integer(removed);
}

void getuser(Call& call) {
  const auto user = call.services.acl.find(call.args[2]);
  if (!user) return call.reply.null();
  call.reply.map(6);
  call.reply.bulk("flags");
  const std::vector<std::string> flags = user->flags();
  call.reply.set(flags.size());
  for (const std::string& flag : flags)
    call.reply.bulk(flag);
  call.reply.bulk("passwords");
  call.reply.array(user->password_hashes().size());
  for (const std::string& hash : user->password_hashes())
    call.reply.bulk(hash);
  call.reply.bulk("commands");
  call.reply.bulk(user->commands_text());
  call.reply.bulk("keys");
  call.reply.bulk(user->keys_text());
  call.reply.bulk("channels");
  call.reply.bulk(user->channels_text());
  call.reply.bulk("selectors");
  call.reply.array(0);
}

void list(Call& call) {
  const auto users = call.services.acl.users();
  call.reply.array(users.size());
  for (const auto& user : users)
    call.reply.bulk("user " + user->name() + " " + user->rules_text());
}

void names(Call& call) {
  const auto users = call.services.acl.users();
  call.reply.array(users.size());
  for (const auto& user : users)
    call.reply.bulk(user->name());
}

void whoami(Call& call) {
  call.reply.bulk(call.session.user->name());
}

void categories(Call& call) {
  const auto all = all_categories();
  if (call.args.size() == 2) {
    call.reply.array(all.size());
    for (const std::string_view category : all)
      call.reply.bulk(category);
    return;
  }
  if (call.args.size() > 3) return call.wrong_number_of_arguments();
  const std::string category = lowered(call.args[2]);
  if (!is_category(category)) return call.error("ERR Unknown category '" + category + "'");
  const std::size_t place = call.reply.later();
  std::size_t count = 0;
  call.services.table.for_each([&](const Row& row) {
    if (!has_category(row, category)) return;
    call.reply.bulk(call.services.table.name_of(row));
    ++count;
  });
  call.reply.array_at(place, count);
}

void genpass(Call& call) {
  constexpr std::int64_t k_bits_default = 256;
  constexpr std::int64_t k_bits_max = 4096;
  std::int64_t bits = k_bits_default;
  if (call.args.size() > 3) return call.wrong_number_of_arguments();
  if (call.args.size() == 3) {
    const auto given = call.integer_in(
        2, 1, k_bits_max,
        "ERR ACL GENPASS argument must be the number of bits for the output password, a positive "
        "number up to 4096");
    if (!given) return;
    bits = *given;
  }
  const auto digits = static_cast<std::size_t>((bits + 3) / 4);
  std::vector<unsigned char> random((digits + 1) / 2);
  if (::RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
    return call.error("ERR no random bytes");
  constexpr std::string_view k_hex = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : random) {
    text += k_hex[byte >> 4];
    text += k_hex[byte & 15];
  }
  call.reply.bulk(std::string_view(text).substr(0, digits));
}

void log(Call& call) {
  std::size_t most = 10;
  if (call.args.size() > 3) return call.wrong_number_of_arguments();
  if (call.args.size() == 3) {
    if (call.is_word(2, "RESET")) {
      call.services.acl.forget_denials();
      return call.reply.ok();
    }
    const auto given = call.integer_in(2, 0, INT64_MAX, k_not_an_integer);
    if (!given) return;
    most = static_cast<std::size_t>(*given);
  }
  const auto denials = call.services.acl.denials();
  call.reply.array(std::min(most, denials.size()));
  for (std::size_t i = 0; i < denials.size() && i < most; ++i) {
    const Acl::Denial& denial = denials[i];
    call.reply.map(6);
    call.reply.bulk("count");
    call.reply.integer(static_cast<std::int64_t>(denial.count));
    call.reply.bulk("reason");
    call.reply.bulk(denial.reason);
    call.reply.bulk("object");
    call.reply.bulk(denial.object);
    call.reply.bulk("username");
    call.reply.bulk(denial.user);
    call.reply.bulk("age-seconds");
    call.reply.real(static_cast<double>(call.now_ms() - denial.at_ms) / 1000);
    call.reply.bulk("client-info");
    call.reply.bulk("addr=" + denial.client);
  }
}

constexpr std::string_view k_no_file =
    "ERR This server is not configured to use an ACL file. Give it one with --acl-file";

void load(Call& call) {
  const std::string path = call.services.host.acl_path();
  if (path.empty()) return call.error(k_no_file);
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file) return call.error("ERR cannot read " + path);
  if (const auto problem = call.services.acl.load(text))
    return call.error("ERR " + path + ":" + *problem);
  call.reply.ok();
}

void save(Call& call) {
  const std::string path = call.services.host.acl_path();
  if (path.empty()) return call.error(k_no_file);
  const std::string problem = call.services.host.write_acl(call.services.acl.text());
  if (!problem.empty()) return call.error("ERR " + problem);
  call.reply.ok();
}

constexpr Row sub(std::string_view name, int arity, std::uint32_t flags, std::string_view syntax,
                  std::string_view summary, Run run) {
  return make_row(Family::server, name, arity, flags, k_no_keys, syntax, summary, "6.0.0",
                  "O(N) for N users or commands", run);
}

constexpr Row k_subcommands[] = {
    sub("SETUSER", -3, k_admin, "username [rule [rule ...]]", "Makes or changes a user.", setuser),
    sub("GETUSER", 3, k_admin, "username", "What a user may do.", getuser),
    sub("DELUSER", -3, k_admin, "username [username ...]",
        "Removes users, and ends their connections.", deluser),
    sub("LIST", 2, k_admin, "", "All users as rules that make them.", list),
    sub("USERS", 2, k_admin, "", "The names of all users.", names),
    sub("WHOAMI", 2, k_tenants, "", "The user of this connection.", whoami),
    sub("CAT", -2, k_tenants, "[category]", "Categories, or the commands of one.", categories),
    sub("GENPASS", -2, k_tenants, "[bits]", "A password at random.", genpass),
    sub("LOG", -2, k_admin, "[count | RESET]", "What was denied of late.", log),
    sub("LOAD", 2, k_admin, "", "Reads the users anew from their file.", load),
    sub("SAVE", 2, k_admin, "", "Writes the users to their file.", save),
};

constexpr Row acl_row() {
  Row row = sub("ACL", -2, 0, "subcommand", "Who may do what.", nullptr);
  row.subcommands = k_subcommands;
  return row;
}
constexpr Row k_rows[] = {acl_row()};

}  // namespace

std::span<const Row> acl_rows() noexcept {
  return k_rows;
}

}  // namespace ullage::command
