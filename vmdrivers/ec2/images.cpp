#include <fmt/format.h>

#include "harness/base/log.hpp"
#include "harness/base/owner.hpp"
#include "harness/base/text.hpp"
#include "vmdrivers/ec2/account.hpp"
#include "vmdrivers/ec2/ownership.hpp"

namespace nestbox::ec2 {
namespace {

using namespace std::chrono_literals;

constexpr auto k_end_limit = 2min;

// What was just made is not known everywhere at once.
const std::set<std::string> k_new_image = {"InvalidAMIID.NotFound"};

}  // namespace

std::string Account::make_image(const Rental& rental, const std::string& name, Deadline deadline,
                                const CancelToken& cancel) {
  const std::string what = fmt::format("making an image of instance '{}'", rental.id());
  aws::Refusal refused;
  const Result<HttpReply> created =
      client(deadline, cancel)
          .try_send(create_image(rental.id(), name, m_settings.windows, named(image_tags(), name)),
                    what, refused, deadline, cancel);
  // The name is ours alone: what has it is of an attempt whose reply was lost.
  const std::string image = !created && refused.code == "InvalidAMIName.Duplicate"
                                ? await_image(name, what, deadline, cancel)
                                : value_or_throw(parse_image_id(value_or_throw(created).body));
  std::string state = "pending";
  std::vector<std::string> snapshots;
  ScopeExit forget([&] { end_image(image, snapshots); });
  while (true) {
    aws::Refusal refusal;
    const HttpReply reply = value_or_throw(
        settled(describe_image(image), what, k_new_image, refusal, deadline, cancel));
    for (const Image& found : value_or_throw(parse_images(reply.body))) {
      snapshots = found.snapshots;
      state = found.state;
    }
    if (state == "available")
      break;
    if (state != "pending")
      throw Error(ErrorCode::infrastructure, fmt::format("image '{}' of instance '{}' is {}", image,
                                                         rental.id(), printable(state)));
    if (deadline.passed())
      throw Error(ErrorCode::timeout, fmt::format("image '{}' was not ready in time", image));
    pause(deadline, cancel);
  }
  forget.dismiss();
  const std::lock_guard lock(m_images_mutex);
  m_new_images[image] = std::move(snapshots);
  return image;
}

std::string Account::await_image(const std::string& name, const std::string& what,
                                 Deadline deadline, const CancelToken& cancel) {
  while (true) {
    const HttpReply reply =
        client(deadline, cancel).send(describe_image_named(name), what, deadline, cancel);
    if (const std::vector<Image> found = value_or_throw(parse_images(reply.body)); !found.empty())
      return found.front().id;
    if (deadline.passed())
      throw Error(ErrorCode::timeout, fmt::format("image '{}' was not to be seen in time", name));
    pause(deadline, cancel);
  }
}

void Account::keep_image(const std::string& image, Deadline deadline, const CancelToken& cancel) {
  const std::lock_guard lock(m_images_mutex);
  const auto found = m_new_images.find(image);
  if (found == m_new_images.end())
    return;
  std::vector<std::string> resources = found->second;
  resources.push_back(image);
  client(deadline, cancel)
      .send(delete_tags(resources, {k_owner_label, k_host_tag}), "keeping an image", deadline,
            cancel);
  m_new_images.erase(found);
}

void Account::share_image(const std::string& image, Deadline deadline, const CancelToken& cancel) {
  const char* const what = "sharing an image";
  aws::Refusal refusal;
  const Result<HttpReply> reply =
      client(deadline, cancel).try_send(describe_image(image), what, refusal, deadline, cancel);
  const std::vector<Image> images = !reply && k_gone_image.contains(refusal.code)
                                        ? std::vector<Image>()
                                        : value_or_throw(parse_images(value_or_throw(reply).body));
  if (images.empty())
    log(LogLevel::warning,
        fmt::format("image '{}' is gone: who gets its layer makes it anew", image));
  for (const Image& found : images) {
    std::vector<std::string> resources = found.snapshots;
    resources.push_back(image);
    client(deadline, cancel).send(delete_tags(resources, {k_cache_tag}), what, deadline, cancel);
  }
}

void Account::end_image(const std::string& image,
                        const std::vector<std::string>& snapshots) noexcept {
  const Deadline deadline = Deadline::after(k_end_limit);
  const char* const what = "removing an image";
  const auto end_one = [&](const char* kind, const std::string& id, const aws::Request& removal,
                           const std::set<std::string>& not_yet) {
    aws::Refusal refusal;
    const Result<void> ended = catch_error([&] {
      const Result<HttpReply> reply = settled(removal, what, not_yet, refusal, deadline, {});
      if (!reply && refusal.code != "InvalidAMIID.Unavailable")
        throw reply.error();
    });
    if (!ended)
      log(LogLevel::warning, fmt::format("{} '{}' may be left at AWS, 'nestbox reap' finds it: {}",
                                         kind, id, ended.error().message));
    return ended.has_value();
  };
  // It keeps its snapshots from being deleted.
  if (!end_one("image", image, deregister_image(image), k_new_image))
    return;
  for (const std::string& snapshot : snapshots)
    end_one("snapshot", snapshot, delete_snapshot(snapshot), k_used_snapshot);
}

}  // namespace nestbox::ec2
