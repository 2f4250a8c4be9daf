#include "common/report.h"

#include "common/text.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace ullage::bench {

namespace {
std::string quoted(const std::string& bytes) {
  std::string out = "\"";
  for (const char c : bytes) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += text("\\u%04x", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

const char* met_word(const std::optional<bool>& met, const char* yes, const char* no,
                     const char* none) {
  if (!met) return none;
  return *met ? yes : no;
}
}  // namespace

Report::Report(std::string name, const Arguments& arguments)
    : name_(std::move(name)), arguments_(arguments) {}

void Report::add(Figure figure) {
  if (arguments_.tiny) figure.met.reset();
  std::printf("%-8s %s: %s", met_word(figure.met, "[met]", "[MISSED]", "[-]"),
              figure.figure.c_str(), figure.result.c_str());
  if (!figure.bar.empty()) std::printf("  (bar %s)", figure.bar.c_str());
  if (!figure.peer.empty()) std::printf("  peer: %s", figure.peer.c_str());
  std::printf("  -- %s\n", figure.workload.c_str());
  std::fflush(stdout);
  figures_.push_back(std::move(figure));
}

void Report::note(const std::string& line) {
  std::printf("         %s\n", line.c_str());
  std::fflush(stdout);
}

int Report::finish() const {
  if (arguments_.json_path.empty()) return 0;
  std::string json =
      "{\"name\": " + quoted(name_) +
      ", \"commit\": " + quoted(environment("ULLAGE_COMMIT", "unknown")) +
      ", \"command\": " + quoted(environment("ULLAGE_COMMAND", ("./dev bench " + name_).c_str())) +
      ", \"tiny\": " + (arguments_.tiny ? "true" : "false") + ", \"figures\": [";
  for (std::size_t i = 0; i < figures_.size(); ++i) {
    const Figure& f = figures_[i];
    json += std::string(i == 0 ? "\n" : ",\n") + "  {\"figure\": " + quoted(f.figure) +
            ", \"bar\": " + quoted(f.bar) + ", \"result\": " + quoted(f.result) +
            ", \"passed\": " + met_word(f.met, "true", "false", "null") +
            ", \"peer\": " + quoted(f.peer) + ", \"workload\": " + quoted(f.workload) + "}";
  }
  json += "\n]}\n";
  std::FILE* file = std::fopen(arguments_.json_path.c_str(), "w");
  if (file == nullptr) {
    std::perror(arguments_.json_path.c_str());
    return 1;
  }
  const bool written = std::fwrite(json.data(), 1, json.size(), file) == json.size();
  const bool closed = std::fclose(file) == 0;
  return written && closed ? 0 : 1;
}

}  // namespace ullage::bench
