#include "server/signals.h"

#include <cerrno>
#include <system_error>

#include <sys/signalfd.h>

namespace ullage::server {

namespace {
sigset_t our_signals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}
}  // namespace

BlockedSignals::BlockedSignals() noexcept {
  const sigset_t ours = our_signals();
  ::pthread_sigmask(SIG_BLOCK, &ours, &before_);
}
BlockedSignals::~BlockedSignals() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

Signals::Signals(Poller& poller, Received received) : received_(std::move(received)) {
  const sigset_t ours = our_signals();
  signals_ = Descriptor(::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.is_open() || !poller.add(signals_.get(), EPOLLIN, *this))
    throw std::system_error(errno, std::generic_category(), "signalfd");
}

void Signals::on_ready(std::uint32_t /*events*/) {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
    received_(static_cast<int>(info.ssi_signo));
}

}  // namespace ullage::server
