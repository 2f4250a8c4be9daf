// Settings from any file and any text: a problem in words, or values that read back as they are.
#include "server/settings.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <sys/mman.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ullage::server;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const int file = ::memfd_create("settings", MFD_CLOEXEC);
  if (file < 0 || ::write(file, data, size) != static_cast<ssize_t>(size)) std::abort();
  Settings settings;
  const Problem problem = read_settings_file(settings, "/proc/self/fd/" + std::to_string(file));
  ::close(file);
  if (problem && problem->empty()) std::abort();
  for (const Setting& setting : setting_table()) {
    if (problem) break;
    Settings copy;
    if (set_setting(copy, setting, setting.get(settings))) std::abort();
    if (setting.get(copy) != setting.get(settings)) std::abort();
  }
  // The whole as the value of one setting, which its first byte chooses.
  if (text.empty()) return 0;
  const auto rows = setting_table();
  const Setting& setting = rows[static_cast<unsigned char>(text[0]) % rows.size()];
  Settings one;
  if (!set_setting(one, setting, text.substr(1))) {
    Settings copy;
    if (set_setting(copy, setting, setting.get(one)) || setting.get(copy) != setting.get(one))
      std::abort();
  }
  return 0;
}
