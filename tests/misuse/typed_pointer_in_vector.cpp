// expect: this type only points to its bytes
#include <ullage/typed.h>

#include <string>
#include <vector>

void keep(ullage::Cache& cache) {
  ullage::typed<std::string, std::string, std::vector<const char*>>(cache).erase_group("g");
}
