#include "vmdrivers/libvirt/domain_names.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

namespace nestbox::libvirt {

DomainName::DomainName(DomainName&& other) noexcept
    : m_names(std::exchange(other.m_names, nullptr)), m_number(other.m_number) {}

DomainName& DomainName::operator=(DomainName&& other) noexcept {
  std::swap(m_names, other.m_names);
  std::swap(m_number, other.m_number);
  return *this;
}

DomainName::~DomainName() {
  if (m_names)
    m_names->give_back(m_number);
}

std::string DomainName::text() const {
  return fmt::format("nestbox-{}-{}", ::geteuid(), m_number);
}

DomainName DomainNames::take(const DomainName& after) {
  const std::lock_guard lock(m_mutex);
  int number = after.m_number + 1;
  while (m_taken.contains(number))
    ++number;
  m_taken.insert(number);
  return DomainName(*this, number);
}

void DomainNames::give_back(int number) {
  const std::lock_guard lock(m_mutex);
  m_taken.erase(number);
}

}  // namespace nestbox::libvirt
