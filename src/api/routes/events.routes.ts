/** Routes about what happens, and what takes space. */
import type { Route } from "../route.ts";

export const eventRoutes: readonly Route[] = [
  { method: "GET", path: "/events", load: async () => (await import("./events.ts")).events },
  {
    method: "GET",
    path: "/system/df",
    since: 25,
    load: async () => (await import("./system-df.ts")).diskUsage,
  },
];
