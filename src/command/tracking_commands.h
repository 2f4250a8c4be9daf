// CLIENT TRACKING and what goes with it, for the table of CLIENT's subcommands.
#pragma once

namespace ullage::command {

class Call;

void client_tracking(Call& call);
void client_caching(Call& call);
void client_getredir(Call& call);
void client_trackinginfo(Call& call);

}  // namespace ullage::command
