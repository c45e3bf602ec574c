// Package testenv starts real private servers - Redis alone, as a cluster or
// behind a Sentinel, and PostgreSQL - on free loopback ports, and ends them
// with the process that asked for them. It never uses, stops or alters a server
// that it did not start, and it must know nothing of Carillon's schema, queues
// or messages.
//
// A test calls Redis, RedisCluster, Sentinel or Postgres for servers of its
// own, or SharedRedis and SharedPostgres for the one of its test binary, whose
// TestMain is Main. Programs (carillon bench, the crash suite) call the Start
// functions, which need no testing.TB.
package testenv
