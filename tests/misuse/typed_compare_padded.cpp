// expect: constraints? (are |is )?not satisfied|no matching function
// Compares bytes, which differ between equal values where there is padding.
#include <ullage/typed.h>

#include <string>

struct Padded {
  char a;
  int b;
};

void keep(ullage::Cache& cache) {
  ullage::typed<std::string, std::string, Padded>(cache).compare_and_set("g", "f", {}, {}).value();
}
