#include "harness/model/name_rules.hpp"

#include <algorithm>

namespace nestbox {

namespace {

constexpr std::string_view k_lower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view k_upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view k_digits = "0123456789";
constexpr std::string_view k_disk = "disk:";
constexpr std::size_t k_longest_image = 500;

template <class... Sets>
bool one_of(char c, Sets... sets) {
  return ((std::string_view(sets).find(c) != std::string_view::npos) || ...);
}

template <class Accepts>
bool all_of(std::string_view text, Accepts accepts) {
  return std::all_of(text.begin(), text.end(), accepts);
}

bool is_control(char c) {
  unsigned char byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool is_path(std::string_view path) {
  if (path.empty() || path.size() > 1024 || std::any_of(path.begin(), path.end(), is_control))
    return false;
  for (std::size_t begin = 0; begin <= path.size();) {
    std::size_t end = std::min(path.find('/', begin), path.size());
    if (path.substr(begin, end - begin) == "..")
      return false;
    begin = end + 1;
  }
  return true;
}

}  // namespace

bool is_variable_name(std::string_view name) {
  return !name.empty() && name.size() <= 200 && !one_of(name[0], k_digits)
         && all_of(name, [](char c) { return one_of(c, k_lower, k_upper, k_digits, "_"); });
}

bool is_environment_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && one_of(name[0], k_lower, k_upper, k_digits)
         && all_of(name, [](char c) { return one_of(c, k_lower, k_upper, k_digits, "._-"); });
}

bool is_test_name(std::string_view name) {
  return !name.empty() && name.size() <= 200 && name[0] != '-' && name.front() != ' '
         && name.back() != ' ' && std::none_of(name.begin(), name.end(), is_control);
}

bool is_package_name(std::string_view name) {
  return name.size() >= 2 && name.size() <= 128 && one_of(name[0], k_lower, k_digits)
         && name.back() != '-'
         && all_of(name, [](char c) { return one_of(c, k_lower, k_digits, "+.-"); });
}

bool is_image_name(std::string_view name) {
  constexpr std::string_view k_debian = "debian:";
  if (name == "tiny")
    return true;
  if (!name.starts_with(k_debian))
    return is_disk_image(name) || is_driver_image(name);
  std::string_view suite = name.substr(k_debian.size());
  return !suite.empty() && suite.size() <= 32 && one_of(suite[0], k_lower)
         && all_of(suite, [](char c) { return one_of(c, k_lower, k_digits, "-"); });
}

bool is_driver_image(std::string_view name) {
  const auto behind = [&](std::string_view prefix) {
    return name.starts_with(prefix) ? name.substr(prefix.size()) : std::string_view();
  };
  if (name.size() > k_longest_image)
    return false;
  if (const std::string_view image = behind("docker:"); !image.empty())
    return one_of(image[0], k_lower, k_upper, k_digits)
           && all_of(image, [](char c) { return one_of(c, k_lower, k_upper, k_digits, "._/:@-"); });
  if (const std::string_view digits = behind("ami-"); !digits.empty())
    return all_of(digits, [](char c) { return one_of(c, "0123456789abcdef"); });
  for (const std::string_view prefix : {"docker-archive:", "dockerfile:"})
    if (const std::string_view path = behind(prefix); !path.empty())
      return is_source_path(path);
  return false;
}

bool is_disk_image(std::string_view name) {
  return name.size() <= k_longest_image && name.starts_with(k_disk) && name.size() > k_disk.size()
         && is_source_path(disk_image_file(name));
}

std::string_view disk_image_file(std::string_view name) {
  return name.substr(k_disk.size());
}

bool is_machine_name(std::string_view name) {
  return is_network_name(name) && name != "host" && name != "localhost";
}

bool is_network_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 && one_of(name[0], k_lower) && name.back() != '-'
         && all_of(name, [](char c) { return one_of(c, k_lower, k_digits, "-"); });
}

bool is_user_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && one_of(name[0], k_lower, "_")
         && all_of(name, [](char c) { return one_of(c, k_lower, k_digits, "_-"); });
}

bool is_unit_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name[0] != '-'
         && all_of(name, [](char c) { return one_of(c, k_lower, k_upper, k_digits, ":_.\\@-"); });
}

bool is_machine_path(std::string_view path) {
  return path.starts_with('/') && is_path(path);
}

bool is_source_path(std::string_view path) {
  return !path.starts_with('/') && is_path(path);
}

std::string hostname_from(std::string_view name) {
  std::string result;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (result.size() < 63 && (letter || (!result.empty() && result.back() != '-')))
      result += letter ? c : '-';
  }
  while (result.ends_with('-'))
    result.pop_back();
  return result.empty() ? "machine" : result;
}

}  // namespace nestbox
