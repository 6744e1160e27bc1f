/** What Docker's API has and Cooper has not: refused in words that say why. */
import { refused } from "../http/reply.ts";
import type { Route } from "../route.ts";

const methods = ["GET", "POST", "PUT", "DELETE"] as const;

function all(paths: readonly string[], status: number, message: string): Route[] {
  return paths.flatMap((path) =>
    methods.map((method) => ({
      method,
      path,
      load: async () => async () => refused(status, message),
    })),
  );
}

/** Docker's own words and status: clients know them from daemons that lead no swarm. */
const swarm =
  "This node is not a swarm manager. Cooper works on one machine: there is no swarm mode.";

const below = (noun: string) => [`/${noun}`, `/${noun}/{rest*}`];

export const refusedRoutes: readonly Route[] = [
  ...all(["swarm", "nodes", "services", "tasks", "secrets", "configs"].flatMap(below), 503, swarm),
  {
    method: "GET",
    path: "/plugins",
    load: async () => async () => ({
      status: 200,
      headers: { "Content-Type": "application/json" },
      body: "[]\n",
    }),
  },
  {
    method: "GET",
    path: "/plugins/{name*}/json",
    load:
      async () =>
      async ({ params }) =>
        refused(404, `plugin ${JSON.stringify(params.name)} not found`),
  },
  ...all(
    below("plugins"),
    501,
    "there are no plugins: drivers of volumes, networks and logs are built in",
  ),
  ...all(
    ["/build/cancel"],
    501,
    "a build ends when its client goes: there is none of BuildKit's to be cancelled",
  ),
];
