#include "harness/net/delay_queue.hpp"

#include <algorithm>

namespace nestbox {

bool DelayQueue::later(const Entry& a, const Entry& b) {
  return a.frame.arrival != b.frame.arrival ? a.frame.arrival > b.frame.arrival
                                            : a.sequence > b.sequence;
}

void DelayQueue::push(DelayedFrame frame) {
  m_heap.push_back({std::move(frame), m_next_sequence++});
  std::push_heap(m_heap.begin(), m_heap.end(), later);
}

std::optional<SwitchTime> DelayQueue::next_arrival() const {
  if (m_heap.empty())
    return std::nullopt;
  return m_heap.front().frame.arrival;
}

std::optional<DelayedFrame> DelayQueue::pop(SwitchTime now) {
  if (m_heap.empty() || m_heap.front().frame.arrival > now)
    return std::nullopt;
  std::pop_heap(m_heap.begin(), m_heap.end(), later);
  DelayedFrame frame = std::move(m_heap.back().frame);
  m_heap.pop_back();
  return frame;
}

void DelayQueue::hasten(LinkIndex link, Direction direction, SwitchTime latest) {
  for (Entry& entry : m_heap)
    if (entry.frame.link == link && entry.frame.direction == direction)
      entry.frame.arrival = std::min(entry.frame.arrival, latest);
  std::make_heap(m_heap.begin(), m_heap.end(), later);
}

void DelayQueue::remove_if(const std::function<bool(const DelayedFrame&)>& condition) {
  std::erase_if(m_heap, [&](const Entry& entry) { return condition(entry.frame); });
  std::make_heap(m_heap.begin(), m_heap.end(), later);
}

std::vector<const DelayedFrame*> DelayQueue::frames() const {
  std::vector<const Entry*> entries;
  entries.reserve(m_heap.size());
  for (const Entry& entry : m_heap)
    entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(),
            [](const Entry* a, const Entry* b) { return later(*b, *a); });
  std::vector<const DelayedFrame*> frames;
  frames.reserve(entries.size());
  for (const Entry* entry : entries)
    frames.push_back(&entry->frame);
  return frames;
}

}  // namespace nestbox
