// ullage profile, trace and stats: what a running server says of itself, without other tools.
#pragma once

#include "observe/addr2line.h"
#include "observe/http_get.h"

#include <cstdint>
#include <string>

#include <CLI/CLI.hpp>

namespace ullage::app {

struct ProfileTexts {
  std::string url = k_default_url;
  std::string token;
  std::string what;
  std::string file;  ///< instead of a server
  std::string type;
  std::string diff;
  std::string flame;
  std::string save;
  bool lines = false;
  Addr2line addr2line;
  std::uint64_t top = 20;
  std::uint64_t seconds = 10;
};
void add_profile(CLI::App& app, ProfileTexts& texts);
int profile_command(const ProfileTexts& texts);

struct TraceTexts {
  std::string url = k_default_url;
  std::string token;
  std::uint64_t seconds = 5;
  std::string out = "ullage.perfetto-trace";
};
void add_trace(CLI::App& app, TraceTexts& texts);
int trace_command(const TraceTexts& texts);

struct DoctorTexts {
  std::string url = k_default_url;
  std::string token;
  std::string file;
  bool json = false;
};
void add_doctor(CLI::App& app, DoctorTexts& texts);
/// 0: nothing is wrong, or there are notes alone; k_exit_findings: something is.
inline constexpr int k_exit_findings = 3;
int doctor_command(const DoctorTexts& texts);

struct StatsTexts {
  std::string url = k_default_url;
  std::string token;
  bool json = false;
  std::string watch;  ///< seconds; empty: once
};
void add_stats(CLI::App& app, StatsTexts& texts);
int stats_command(const StatsTexts& texts);

}  // namespace ullage::app
