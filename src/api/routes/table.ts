/** All routes of Docker's API, by noun. */
import type { Route } from "../route.ts";
import { containerRoutes } from "./containers.routes.ts";
import { execRoutes } from "./exec.routes.ts";
import { refusedRoutes } from "./refused.routes.ts";
import { systemRoutes } from "./system.routes.ts";

export const dockerRoutes: readonly Route[] = [
  ...systemRoutes,
  ...containerRoutes,
  ...execRoutes,
  ...refusedRoutes,
];
