/** All routes of libpod's API, by noun; their paths are what follows `/libpod`. */
import type { Route } from "../../route.ts";
import { containerRoutes } from "./containers.routes.ts";
import { imageRoutes } from "./images.routes.ts";
import { networkRoutes } from "./networks.routes.ts";
import { refusedRoutes } from "./refused.routes.ts";
import { secretRoutes } from "./secrets.routes.ts";
import { systemRoutes } from "./system.routes.ts";
import { volumeRoutes } from "./volumes.routes.ts";

export const libpodRoutes: readonly Route[] = [
  ...systemRoutes,
  ...imageRoutes,
  ...networkRoutes,
  ...volumeRoutes,
  ...secretRoutes,
  ...containerRoutes,
  ...refusedRoutes,
];
