#include "server/mailbox.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/eventfd.h>

namespace ullage::server {

Mailbox::Mailbox(Poller& poller) : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_.is_open() || !poller.add(event_.get(), EPOLLIN, *this))
    throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Mailbox::post(Task task) {
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    wake = tasks_.empty();
    tasks_.push_back(std::move(task));
  }
  const std::uint64_t one = 1;
  if (wake) static_cast<void>(::write(event_.get(), &one, sizeof one));
}

void Mailbox::on_ready(std::uint32_t /*events*/) {
  std::uint64_t count = 0;
  static_cast<void>(::read(event_.get(), &count, sizeof count));
  std::vector<Task> tasks;
  {
    const std::scoped_lock lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const Task& task : tasks)
    task();
}

}  // namespace ullage::server
