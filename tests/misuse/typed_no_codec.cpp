// expect: no way to keep this type
#include <ullage/typed.h>

#include <map>
#include <string>

void keep(ullage::Cache& cache) {
  ullage::typed<std::string, std::string, std::map<int, int>>(cache).erase_group("g");
}
