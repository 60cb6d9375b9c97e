#pragma once

#include <string>
#include <vector>

namespace nestbox {

/// Takes the log's lines for as long as it lives; one at a time, no threads that log.
class LogRecorder {
public:
  LogRecorder();
  ~LogRecorder();
  LogRecorder(const LogRecorder&) = delete;
  LogRecorder& operator=(const LogRecorder&) = delete;

  const std::vector<std::string>& lines() const;
};

}  // namespace nestbox
