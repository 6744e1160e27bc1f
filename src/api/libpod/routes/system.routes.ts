/** Routes about the engine. */
import type { Route } from "../../route.ts";

const system = () => import("./system.ts");
const store = () => import("./store.ts");

export const systemRoutes: readonly Route[] = [
  { method: "GET", path: "/_ping", load: async () => (await system()).ping },
  { method: "HEAD", path: "/_ping", load: async () => (await system()).ping },
  { method: "GET", path: "/version", load: async () => (await system()).version },
  { method: "GET", path: "/info", load: async () => (await system()).info },
  { method: "GET", path: "/events", load: async () => (await import("./events.ts")).events },
  { method: "GET", path: "/system/df", load: async () => (await store()).diskUsage },
  { method: "POST", path: "/system/prune", load: async () => (await store()).prune },
  { method: "POST", path: "/system/check", load: async () => (await store()).check },
];
