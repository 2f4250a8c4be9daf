// expect: constraints? (are |is )?not satisfied|no matching function
// Two members of one name would be one entry.
#include <ullage/record.h>

#include <string>
#include <tuple>

struct Twice {
  std::string a;
  std::string b;
  static constexpr auto ullage_fields() {
    return std::tuple(ullage::field("a", &Twice::a), ullage::field("a", &Twice::b));
  }
};

void keep(ullage::Cache& cache) {
  ullage::write_record(cache, "g", Twice{}).value();
}
