// expect: equal values of this type may differ in their bytes
// Two equal names with other bytes between their members would be two groups.
#include <ullage/typed.h>

#include <string>

struct Id {
  char kind;
  int number;
};

void keep(ullage::Cache& cache) {
  ullage::typed<Id, std::string, std::string>(cache).erase_group(Id{'a', 1});
}
