/** All routes of Docker's API, by noun. */
import type { Route } from "../route.ts";
import { containerRoutes } from "./containers.routes.ts";
import { eventRoutes } from "./events.routes.ts";
import { execRoutes } from "./exec.routes.ts";
import { imageRoutes } from "./images.routes.ts";
import { networkRoutes } from "./networks.routes.ts";
import { refusedRoutes } from "./refused.routes.ts";
import { systemRoutes } from "./system.routes.ts";
import { volumeRoutes } from "./volumes.routes.ts";

export const dockerRoutes: readonly Route[] = [
  ...systemRoutes,
  ...containerRoutes,
  ...execRoutes,
  ...imageRoutes,
  ...networkRoutes,
  ...volumeRoutes,
  ...eventRoutes,
  ...refusedRoutes,
];
