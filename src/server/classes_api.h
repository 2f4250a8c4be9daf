// /api/v1/classes: classes as JSON, shown, defined and taken away.
#pragma once

#include "command/services.h"
#include "server/admin_page.h"

namespace ullage::server {

/// GET: all of them. POST: {"pattern": ..., "limits": {...}} changes the limits named of one,
/// {"classes": [...]} makes these the classes. DELETE ?pattern=: takes one away. What changes
/// something needs the token. On the admin port's thread.
[[nodiscard]] AdminResponse classes_api(command::Services& services, const AdminRequest& request);

}  // namespace ullage::server
