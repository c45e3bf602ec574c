package testenv

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestPostgresAnswersAtItsDSN(t *testing.T) {
	s := SharedPostgres(t)
	require.Equal(t, "postgres://carillon@"+s.Addr()+"/carillon?sslmode=disable", s.DSN())
	require.Equal(t, "carillon", query(t, s.DSN(), "SELECT current_database()"))
	require.Equal(t, "off", query(t, s.DSN(), "SHOW fsync"), "the shared server is the fast one")
	require.Equal(t, "Ä", query(t, s.DSN(), "SELECT upper('ä')"))
}

func TestPostgresNewDatabase(t *testing.T) {
	s := SharedPostgres(t)
	const exists = "SELECT count(*)::text FROM pg_tables WHERE tablename = 'mine'"
	var dsn string
	t.Run("is empty", func(t *testing.T) {
		dsn = s.NewDatabase(t)
		run(t, dsn, "CREATE TABLE mine (id bigint)")
		require.Equal(t, "1", query(t, dsn, exists))
		require.Equal(t, "0", query(t, s.NewDatabase(t), exists))
	})
	_, err := pgx.Connect(t.Context(), dsn)
	require.ErrorContains(t, err, "does not exist", "the test's end deletes it")
}

func TestPostgresDropDatabaseRefusesNonsense(t *testing.T) {
	require.ErrorContains(t, SharedPostgres(t).DropDatabase(t.Context(), "://"), "drop database")
}

func TestPostgresOutages(t *testing.T) {
	s := Postgres(t)
	require.Equal(t, "on", query(t, s.DSN(), "SHOW fsync"))
	dsn := s.NewDatabase(t)
	run(t, dsn, "CREATE TABLE mine (id bigint)")

	for i, outage := range []struct {
		name string
		stop func() error
	}{
		{"stop", s.Stop},
		{"kill", s.Kill},
	} {
		t.Run(outage.name, func(t *testing.T) {
			run(t, dsn, "INSERT INTO mine VALUES (1)")
			require.NoError(t, outage.stop())
			require.NoError(t, refused(t, s.Addr()))
			require.NoError(t, s.Start())
			require.Equal(t, string(rune('1'+i)), query(t, dsn, "SELECT count(*)::text FROM mine"))
		})
	}
	t.Run("restart", func(t *testing.T) {
		before := query(t, dsn, "SELECT pg_postmaster_start_time()::text")
		require.NoError(t, s.Restart())
		require.NotEqual(t, before, query(t, dsn, "SELECT pg_postmaster_start_time()::text"))
		require.Equal(t, "2", query(t, dsn, "SELECT count(*)::text FROM mine"))
	})
	t.Run("stopped at the end of a test", func(t *testing.T) {
		s.NewDatabase(t)
		require.NoError(t, s.Stop())
	})
	require.NoError(t, s.Start())
	require.NoError(t, s.Close())
	require.NoDirExists(t, s.directory.path)
}

func TestPostgresPrograms(t *testing.T) {
	root, folder := t.TempDir(), t.TempDir()
	_, err := postgresPrograms(folder, root)
	require.ErrorContains(t, err, installPostgres)

	for _, version := range []string{"9.6", "14", "110", "15", "incomplete"} {
		install(t, filepath.Join(root, version, "bin"), "postgres", "initdb")
	}
	require.NoError(t, os.Remove(filepath.Join(root, "110", "bin", "initdb")))
	found, err := postgresPrograms(folder, root)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(root, "15", "bin"), found, "the newest that has both programs")

	install(t, folder, "postgres", "initdb")
	found, err = postgresPrograms(folder, root)
	require.NoError(t, err)
	require.Equal(t, folder, found, "the search path comes first")
}

func TestDirectoryOutOfReach(t *testing.T) {
	closed := t.TempDir()
	require.NoError(t, os.Chmod(closed, 0o700))
	dir, err := openDirectory(filepath.Join(closed, "data"), "postgres", "")
	require.NoError(t, err)
	me := &account{name: "somebody", uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}
	err = dir.giveTo(me)
	require.ErrorContains(t, err, "somebody can't reach")
	require.ErrorContains(t, err, closed)
	require.NoError(t, dir.giveTo(nil))
}

func TestLookUpAccount(t *testing.T) {
	_, err := lookUpAccount("no-such-user")
	require.ErrorContains(t, err, "no-such-user")
	root, err := lookUpAccount("root")
	require.NoError(t, err)
	require.Zero(t, root.uid)
}

func install(t *testing.T, folder string, programs ...string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(folder, 0o700))
	for _, program := range programs {
		require.NoError(t, os.WriteFile(filepath.Join(folder, program), nil, 0o700))
	}
}

func query(t *testing.T, dsn, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	var value string
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&value))
	return value
}

func run(t *testing.T, dsn, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
}
