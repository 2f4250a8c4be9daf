#include "observe/function_names.h"

#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include <gnu/libc-version.h>
#include <gtest/gtest.h>

namespace ullage::observe {
namespace {

TEST(FunctionNames, AreShortened) {
  const std::pair<const char*, const char*> k_cases[]{
      {"malloc", "malloc"},
      {"f()", "f"},
      {"std::vector<int, std::allocator<int> >::push_back(int const&)", "std::vector::push_back"},
      {"void a::sort<int*, std::less<int> >(int*, int*, std::less<int>)", "a::sort"},
      {"a::b::(anonymous namespace)::c(int (*)(char)) const", "a::b::(anonymous namespace)::c"},
      {"std::ostream& std::operator<< <std::char_traits<char> >(std::ostream&, char const*)",
       "std::operator<<"},
      {"bool operator<(a const&, a const&)", "operator<"},
      {"a::operator->() const", "a::operator->"},
      {"a::operator()(int) const", "a::operator()"},
      {"a::operator[](unsigned long)", "a::operator[]"},
      {"operator new(unsigned long)", "operator new"},
      {"operator new[](unsigned long, std::align_val_t)", "operator new[]"},
      {"a::operator unsigned long() const", "a::operator unsigned long"},
      {"a::operator bool<int>() const", "a::operator bool"},
      {"a::operator_like(int)", "a::operator_like"},
      {"f(int)::{lambda(char)#2}::operator()(char) const", "f::{lambda#2}::operator()"},
      {"std::function<void (int)>::operator()(int) const", "std::function::operator()"},
      {"decltype (auto) a::f<int>(int)", "a::f"},
      {"std::__cxx11::basic_string<char>::_M_create(unsigned long&, unsigned long)",
       "std::__cxx11::basic_string::_M_create"},
      {"a::f[abi:cxx11](int)", "a::f[abi:cxx11]"},
      {"a::~a()", "a::~a"},
      {"", ""},
      {"(", ""},
      {"<", ""},
      {"operator", "operator"},
  };
  for (const auto& [from, to] : k_cases)
    EXPECT_EQ(shortened(from), to) << from;
}

TEST(FunctionNames, AreDemangledFirst) {
  EXPECT_EQ(short_function_name("_ZNSt6vectorIiSaIiEE9push_backERKi"), "std::vector::push_back");
  EXPECT_EQ(short_function_name("_Znwm"), "operator new");
  EXPECT_EQ(short_function_name("_Z"), "_Z");
  EXPECT_EQ(short_function_name("main"), "main");
}

[[gnu::noinline]] int one_of_ours(int a) {
  asm volatile("" : "+r"(a));
  return a;
}

TEST(FunctionNames, AreThoseOfTheLoadedFiles) {
  const auto ours = reinterpret_cast<std::uint64_t>(&one_of_ours);
  const auto library = reinterpret_cast<std::uint64_t>(&std::qsort);
  std::map<std::uint64_t, std::string> names{{1, ""}, {ours, ""}, {ours + 1, ""}, {library, ""}};
  for (const LoadedCode& code : loaded_code())
    name_functions(code, names);
  EXPECT_EQ(names[ours], "ullage::observe::(anonymous namespace)::one_of_ours");
  EXPECT_EQ(names[ours + 1], names[ours]);
  EXPECT_EQ(names[library], "qsort");
  EXPECT_EQ(names[1], "");
}

TEST(FunctionNames, OfAFileThatHasGoneAreUnknown) {
  std::map<std::uint64_t, std::string> names{{10, ""}};
  name_functions({.range = {.begin = 1, .end = 20}, .file = "/nowhere/at/all", .build_id = {}},
                 names);
  name_functions({.range = {.begin = 1, .end = 20}, .file = "/proc/self/cmdline", .build_id = {}},
                 names);
  EXPECT_EQ(names[10], "");
}

TEST(FunctionNames, OfAFileThatWasReplacedAreUnknown) {
  std::vector<LoadedCode> all = loaded_code();
  ASSERT_TRUE(all.front().is_program);
  const auto ours = reinterpret_cast<std::uint64_t>(&one_of_ours);
  std::map<std::uint64_t, std::string> names{{ours, ""}};
  all.front().build_id = "of another build";
  name_functions(all.front(), names);
  EXPECT_EQ(names[ours], "");
}

TEST(LoadedCode, NamesFiles) {
  const std::vector<LoadedCode> all = loaded_code();
  ASSERT_GE(all.size(), 2U);
  const auto ours = reinterpret_cast<std::uint64_t>(&one_of_ours);
  EXPECT_NE(all[0].file.find("observe_test"), std::string::npos) << all[0].file;
  EXPECT_TRUE(all[0].range.has(ours));
  EXPECT_TRUE(program_code().has(ours));
  // Of a function that no sanitizer puts its own in front of.
  EXPECT_FALSE(program_code().has(reinterpret_cast<std::uint64_t>(&::gnu_get_libc_version)));
  bool has_build_id = false;
  for (const LoadedCode& one : all)
    has_build_id = has_build_id || one.build_id.size() == 40;
  EXPECT_TRUE(has_build_id);
}

}  // namespace
}  // namespace ullage::observe
