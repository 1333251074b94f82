#pragma once

/* What an image's mount calls its source: this, the image's ID, "@" and the store's folder. */
#define IMAGE_MOUNT_SOURCE "orch-image:"
