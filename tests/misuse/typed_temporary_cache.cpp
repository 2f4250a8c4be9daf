// expect: use of deleted function
#include <ullage/typed.h>

#include <string>

void keep() {
  auto users =
      ullage::typed<std::string, std::string, std::string>(ullage::Cache::open({}).value());
  users.erase_group("g");
}
