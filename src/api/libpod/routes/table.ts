/** All routes of libpod's API, by noun; their paths are what follows `/libpod`. */
import type { Route } from "../../route.ts";
import { refusedRoutes } from "./refused.routes.ts";
import { systemRoutes } from "./system.routes.ts";

export const libpodRoutes: readonly Route[] = [...systemRoutes, ...refusedRoutes];
