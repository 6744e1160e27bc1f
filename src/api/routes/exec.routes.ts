/** Routes about exec sessions. */
import type { Route } from "../route.ts";

const exec = () => import("./exec.ts");

export const execRoutes: readonly Route[] = [
  { method: "POST", path: "/containers/{id}/exec", load: async () => (await exec()).create },
  { method: "POST", path: "/exec/{id}/start", load: async () => (await exec()).start },
  { method: "POST", path: "/exec/{id}/resize", load: async () => (await exec()).resize },
  { method: "GET", path: "/exec/{id}/json", load: async () => (await exec()).inspect },
];
