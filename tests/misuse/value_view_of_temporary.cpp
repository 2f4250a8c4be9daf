// expect: use of deleted function
// The copy is gone with the statement, and the view with it.
#include <ullage/cache.h>

#include <string_view>

std::string_view theme(ullage::Cache& cache) {
  std::string_view view = *cache.get("g", "f");
  return view;
}
