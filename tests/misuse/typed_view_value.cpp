// expect: this type only points to its bytes
// What get() answers would point into a value that may be evicted at any time.
#include <ullage/typed.h>

#include <string>
#include <string_view>

std::string_view theme(ullage::Cache& cache) {
  return ullage::typed<std::string, std::string, std::string_view>(cache).get("g", "f").value();
}
