/** The one database of a store: schema, migrations, and how it is opened. */
import { Database, SQLiteError } from "bun:sqlite";
import { chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { CooperError } from "../errors.ts";

/** Each entry lifts the schema by one version; entries are never edited once released. */
const migrations: readonly string[] = [
  `
  create table layer (
    id text primary key,              -- hex of the diff ID: digest of the uncompressed tar
    size integer not null,            -- bytes of the files in it
    tar_size integer not null,        -- bytes of the uncompressed tar
    is_exact integer not null,        -- whether tar.zst and the files rebuild the exact tar
    created_at integer not null       -- ms
  ) strict, without rowid;
  create table layer_blob (           -- forms of a layer that were unpacked and verified here
    digest text primary key,          -- sha256:… of the blob
    layer_id text not null references layer (id) on delete cascade,
    size integer not null,
    compression text not null         -- none, gzip, zstd
  ) strict, without rowid;
  create index layer_blob_by_layer on layer_blob (layer_id);
  create table image (
    id text primary key,              -- hex of the config's digest
    config text not null,             -- the config, JSON as it was
    manifest_digest text,             -- sha256:… of the manifest it came with last
    size integer not null,            -- sum of its layers
    created_at integer not null,      -- ms; the config's created
    added_at integer not null,        -- ms
    parent_id text                    -- built or committed from
  ) strict;
  create table manifest (             -- manifests and indexes that led to an image, as they were
    digest text not null,
    image_id text not null references image (id) on delete cascade,
    media_type text not null,
    text text not null,
    primary key (digest, image_id)
  ) strict;
  create index manifest_by_image on manifest (image_id);
  create table image_layer (
    image_id text not null references image (id) on delete cascade,
    position integer not null,        -- 0 is the lowest
    layer_id text not null references layer (id),
    primary key (image_id, position)
  ) strict, without rowid;
  create index image_layer_by_layer on image_layer (layer_id);
  create table reference (            -- names: registry/repository:tag, fully qualified
    name text primary key,
    image_id text not null references image (id) on delete cascade
  ) strict, without rowid;
  create index reference_by_image on reference (image_id);
  create table repo_digest (          -- registry/repository@digest, as pulled or loaded
    name text primary key,
    image_id text not null references image (id) on delete cascade
  ) strict, without rowid;
  create index repo_digest_by_image on repo_digest (image_id);

  create table container (
    id text primary key,
    name text not null unique,
    image_id text,                    -- not a foreign key: rmi -f removes the container's image name only
    created_at integer not null,      -- ms
    -- what is wanted: created, running, paused, stopped, removing. Whether it lives is asked from the kernel
    intent text not null,
    record text not null,             -- JSON: ContainerRecord without what stands in columns
    pid integer not null default 0,
    pid_start text not null default '',   -- start time of pid (proc(5) stat field 22) with the boot id
    conmon_pid integer not null default 0,
    started_at integer not null default 0,
    finished_at integer not null default 0,
    exit_code integer not null default 0,
    oom_killed integer not null default 0,
    restart_count integer not null default 0,
    stopped_by_user integer not null default 0,
    error text not null default ''
  ) strict;
  create index container_by_image on container (image_id);
  create table container_layer (      -- keeps the layers of a container's image from being swept
    container_id text not null references container (id) on delete cascade,
    position integer not null,
    layer_id text not null references layer (id),
    primary key (container_id, position)
  ) strict, without rowid;
  create index container_layer_by_layer on container_layer (layer_id);
  create table exec (
    id text primary key,
    container_id text not null references container (id) on delete cascade,
    record text not null,
    pid integer not null default 0,
    exit_code integer
  ) strict;
  create index exec_by_container on exec (container_id);
  create table volume (
    name text primary key,
    is_anonymous integer not null,
    record text not null,
    created_at integer not null
  ) strict;
  create table container_volume (
    container_id text not null references container (id) on delete cascade,
    volume_name text not null references volume (name),
    primary key (container_id, volume_name)
  ) strict, without rowid;
  create index container_volume_by_volume on container_volume (volume_name);
  create table ended (                -- exit codes of containers, also of removed ones, for a few minutes
    container_id text primary key,
    exit_code integer not null,
    finished_at integer not null
  ) strict, without rowid;
  create table fact (                 -- remembered probes, e.g. which OCI runtime works on this boot
    name text primary key,
    value text not null
  ) strict, without rowid;
  `,
  `
  create table network (
    id text primary key,
    name text not null unique,
    record text not null,             -- JSON: Network
    cursors text not null default '{}', -- JSON: address leased last, by subnet
    created_at integer not null       -- ms
  ) strict;
  create table attachment (           -- which networks a container is in, whether it runs or not
    container_id text not null references container (id) on delete cascade,
    network_id text not null references network (id),
    position integer not null,        -- 0 gives the default route
    record text not null,             -- JSON: what was asked (Attachment)
    live text,                        -- JSON: LiveAttachment; null when it does not run
    primary key (container_id, network_id)
  ) strict, without rowid;
  create index attachment_by_network on attachment (network_id);
  create table lease (                -- addresses of running containers: one holder each
    network_id text not null references network (id) on delete cascade,
    address text not null,            -- canonical text
    container_id text not null references container (id) on delete cascade,
    primary key (network_id, address)
  ) strict, without rowid;
  create index lease_by_container on lease (container_id);
  create table port (                 -- published ports of running containers
    container_id text not null references container (id) on delete cascade,
    protocol text not null,           -- tcp, udp, sctp
    host_address text not null,       -- canonical text; 0.0.0.0 and :: are all of a family
    host_port integer not null,       -- the first of count ports
    container_port integer not null,
    count integer not null,
    primary key (container_id, protocol, host_address, host_port)
  ) strict, without rowid;
  create index port_by_number on port (protocol, host_port);
  `,
  `
  create table secret (
    id text primary key,              -- 25 hexadecimal digits
    name text not null unique,
    record text not null,             -- JSON: driver, its options, labels
    created_at integer not null,      -- ms
    updated_at integer not null,
    sealed blob                       -- file driver: the bytes, encrypted with a key that is not in the store
  ) strict, without rowid;
  `,
  `
  create table health (               -- of containers that have a check, from their start on
    container_id text primary key references container (id) on delete cascade,
    state text not null,              -- JSON: HealthState
    due_at integer                    -- ms: the next check; null when there is none to come
  ) strict, without rowid;
  create index health_by_due on health (due_at) where due_at is not null;
  `,
  `
  alter table layer add column disk_bytes integer; -- what it takes on the disk; null: not measured yet
  create table image_use (            -- when a container was last made of an image, or removed
    image_id text primary key references image (id) on delete cascade,
    used_at integer not null          -- ms
  ) strict, without rowid;
  `,
  `
  create table manifest_list (        -- indexes that are put together here, until they are pushed
    name text primary key,            -- registry/repository:tag, fully qualified
    record text not null,             -- JSON: ManifestList without its name
    created_at integer not null       -- ms
  ) strict, without rowid;
  `,
  `
  -- JSON: LeasedAddress[] of the run before, which the next one asks for again
  alter table attachment add column previous text;
  `,
  `
  create table frozen (               -- trees of changes that nobody writes to any more, one upon another
    id text primary key,              -- 16 hexadecimal digits
    parent_id text references frozen (id),
    is_whole integer not null,        -- a copy of everything (driver vfs): what is below does not show
    disk_bytes integer,               -- null: not measured yet
    created_at integer not null       -- ms
  ) strict, without rowid;
  create index frozen_by_parent on frozen (parent_id) where parent_id is not null;
  alter table container add column frozen_id text references frozen (id); -- the topmost one it stands on
  alter table container add column freezing_id text; -- the one that its changes were becoming, should we have died
  create index container_by_frozen on container (frozen_id) where frozen_id is not null;
  create table snapshot (
    id text primary key,              -- 25 hexadecimal digits
    container_id text not null references container (id) on delete cascade,
    name text not null,
    frozen_id text references frozen (id), -- null: as its image is
    message text not null,
    created_at integer not null,      -- ms
    unique (container_id, name)
  ) strict, without rowid;
  create index snapshot_by_frozen on snapshot (frozen_id) where frozen_id is not null;
  `,
  `
  -- ends in a row that came soon after the start, which is what the next start waits for
  alter table container add column quick_ends integer not null default 0;
  -- stopped_by_user from here on: 0 nobody, 1 the user, 2 the machine that went down
  `,
  `
  create table build_cache (          -- what steps of builds came to
    key text primary key,             -- hex: all that went into a step
    layer_id text not null references layer (id) on delete cascade,
    title text not null,              -- of the step, for people
    created_at integer not null,      -- ms
    used_at integer not null
  ) strict, without rowid;
  create index build_cache_by_layer on build_cache (layer_id);
  create table file_digest (          -- contents of files in build contexts, as long as they stay as they are
    device integer not null,
    inode integer not null,
    size integer not null,
    modified real not null,           -- ms
    changed real not null,            -- ms; the kernel's own clock, which nobody can set back
    digest text not null,             -- hex
    primary key (device, inode)
  ) strict, without rowid;
  `,
  `
  -- 1: it is gone for everybody, and its files are on their way out
  alter table volume add column is_going integer not null default 0;
  create index volume_going on volume (name) where is_going = 1;
  `,
  `
  create table attestation (          -- what the last build of an image says of it
    image_id text not null references image (id) on delete cascade,
    predicate_type text not null,     -- https://slsa.dev/provenance/v1, https://spdx.dev/Document
    predicate text not null,          -- JSON
    primary key (image_id, predicate_type)
  ) strict, without rowid;
  `,
];

/**
 * Opens the database, making or migrating it where needed. A store written by a newer Cooper is
 * refused, not guessed at.
 */
export function openDatabase(file: string): Database {
  let database: Database;
  try {
    database = new Database(file, { readwrite: true, create: false });
  } catch {
    // most commands find it there; only the first one makes the directory
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    database = new Database(file, { readwrite: true, create: true });
    chmodSync(file, 0o600);
  }
  // NORMAL in WAL mode: a commit survives kill -9; `durably` adds power loss where that matters
  database.run("pragma busy_timeout = 60000");
  database.run("pragma synchronous = normal");
  database.run("pragma foreign_keys = on");
  // processes leave without closing (see exitNow), so each one reads the log: keep it short
  database.run("pragma wal_autocheckpoint = 300");
  const version = schemaVersion(database);
  if (version < migrations.length) migrate(database);
  if (version > migrations.length) {
    throw new CooperError(
      "not-supported",
      `the store at ${dirname(file)} was written by a newer cooper`,
      {
        hint: "install that version again, or choose another store with --root",
      },
    );
  }
  return database;
}

function schemaVersion(database: Database): number {
  const row = database.query<{ user_version: number }, []>("pragma user_version").get();
  return row?.user_version ?? 0;
}

/**
 * Turns the log on, which needs the file for itself. Two who make a store at the same time both hold it
 * shared and want it alone: SQLite then tells one of them at once that it is busy, without waiting.
 */
function turnOnLog(database: Database): void {
  for (let waits = 0; ; waits++) {
    try {
      database.run("pragma journal_mode = wal");
      return;
    } catch (error) {
      const isBusy = error instanceof SQLiteError && error.code?.startsWith("SQLITE_BUSY") === true;
      if (!isBusy || waits >= mostWaits) throw error;
      Bun.sleepSync(2 + Math.random() * 8);
    }
  }
}
const mostWaits = 2000;

function migrate(database: Database): void {
  turnOnLog(database);
  const step = database.transaction(() => {
    // asked again inside the transaction: another process may have been faster
    for (let version = schemaVersion(database); version < migrations.length; version++) {
      database.exec(migrations[version] ?? "");
      database.exec(`pragma user_version = ${version + 1}`);
    }
  });
  step.immediate();
}
