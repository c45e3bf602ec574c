package testenv

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// postgresUser is the superuser of every server, and the name of its first
// database. No password is asked for: the server listens on loopback alone.
const postgresUser = "carillon"

// installPostgres is what brings the programs that a server needs.
const installPostgres = "apt-get install -y postgresql"

// PostgresServer is a private PostgreSQL server. It is safe for concurrent use.
type PostgresServer struct {
	daemon    *daemon
	port      *port
	directory directory
	bin       string
	owner     *account
	fsync     bool
	tls       *tls.Certificate
	// tlsArguments make it speak TLS.
	tlsArguments []string
	// databases counts the databases that were made.
	databases atomic.Int64
}

// PostgresOption changes how a PostgreSQL server is started.
type PostgresOption func(*PostgresServer)

// WithFsync says whether commits are forced to the disk; they are by default.
// Without, tests run faster and data still outlives Stop and Kill, but not a
// crash of the machine.
func WithFsync(on bool) PostgresOption { return func(s *PostgresServer) { s.fsync = on } }

// WithPostgresTLS makes the server speak TLS with a certificate of its own, and ask every
// user but its superuser for a password and TLS.
func WithPostgresTLS(own tls.Certificate) PostgresOption {
	return func(s *PostgresServer) { s.tls = &own }
}

// StartPostgres makes a database cluster in dir, or in a temporary directory if
// dir is empty, and starts a server on it. Close ends it; so does the end of
// this process. As root, for which PostgreSQL does not run, it takes the user
// postgres, who must be able to reach dir. Missing programs are an error that
// says how to install them.
func StartPostgres(dir string, options ...PostgresOption) (*PostgresServer, error) {
	s := &PostgresServer{fsync: true}
	for _, option := range options {
		option(s)
	}
	if err := s.open(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("start postgres: %w", err), s.Close())
	}
	s.daemon = &daemon{
		name:    "postgres",
		logPath: s.directory.join("postgres.log"),
		command: func() *exec.Cmd { return s.command("postgres", s.arguments()...) },
		ready:   s.ready,
	}
	if err := s.daemon.start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.createDatabase(context.Background(), postgresUser, "template1"); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// open finds the programs, takes directory and port, and makes the cluster.
func (s *PostgresServer) open(dir string) error {
	var err error
	if s.bin, err = postgresPrograms(os.Getenv("PATH"), "/usr/lib/postgresql"); err != nil {
		return err
	}
	if s.owner, err = serverAccount(); err != nil {
		return err
	}
	place := ""
	if !s.fsync {
		place = inMemory()
	}
	if s.directory, err = openDirectory(dir, "postgres", place); err != nil {
		return err
	}
	if err := s.directory.giveTo(s.owner); err != nil {
		return err
	}
	if s.port, err = reservePort(context.Background()); err != nil {
		return err
	}
	// C.UTF-8 is there wherever glibc is, so that upper and lower case of every
	// script work the same on every machine.
	cmd := s.command("initdb", "--pgdata", s.data(), "--username", postgresUser,
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	initdb, err := startProcess(cmd)
	if err != nil {
		return fmt.Errorf("run initdb: %w", err)
	}
	<-initdb.exited
	if initdb.err != nil {
		return fmt.Errorf("run initdb: %w: %s", initdb.err, strings.TrimSpace(output.String()))
	}
	return s.secure()
}

// secure prepares TLS, if the server is to speak it.
func (s *PostgresServer) secure() error {
	if s.tls == nil {
		return nil
	}
	cert, key, err := writeCertificate(*s.tls, s.directory, s.owner)
	s.tlsArguments = []string{"-c", "ssl=on", "-c", "ssl_cert_file=" + cert, "-c", "ssl_key_file=" + key}
	access := "host all " + postgresUser + " 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
	return errors.Join(err, os.WriteFile(filepath.Join(s.data(), "pg_hba.conf"), []byte(access), 0o600))
}

func (s *PostgresServer) data() string { return s.directory.join("data") }

// command is one of PostgreSQL's programs, run as its own user. If this process
// dies, SIGQUIT makes the server and all of its children leave at once.
func (s *PostgresServer) command(program string, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.bin, program), arguments...)
	cmd.Dir = s.directory.path
	cmd.SysProcAttr = processAttributes(s.owner, syscall.SIGQUIT)
	return cmd
}

func (s *PostgresServer) arguments() []string {
	onOff := map[bool]string{true: "on", false: "off"}[s.fsync]
	return append([]string{
		"-D", s.data(), "-p", s.port.String(),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "fsync=" + onOff, "-c", "full_page_writes=" + onOff,
		"-c", "max_connections=300",
	}, s.tlsArguments...)
}

// ready is nil once our own server answers, which its data directory shows.
func (s *PostgresServer) ready(ctx context.Context, _ int) error {
	return s.asAdmin(ctx, func(conn *pgx.Conn) error {
		var data string
		if err := conn.QueryRow(ctx, "SHOW data_directory").Scan(&data); err != nil {
			return err
		}
		if data != s.data() {
			return final(fmt.Errorf("another server (%s) answers at %s", data, s.port.addr()))
		}
		return nil
	})
}

// asAdmin runs do with a connection to the maintenance database.
func (s *PostgresServer) asAdmin(ctx context.Context, do func(*pgx.Conn) error) (err error) {
	conn, err := pgx.Connect(ctx, s.dsn("postgres"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	return do(conn)
}

// postgresPrograms is the folder with postgres and initdb: the first in the
// search path, else the one of the newest version under root, where Debian
// keeps them out of the path.
func postgresPrograms(searchPath, root string) (string, error) {
	folders := filepath.SplitList(searchPath)
	packaged, err := filepath.Glob(filepath.Join(root, "*", "bin"))
	if err != nil {
		return "", fmt.Errorf("find postgres under %s: %w", root, err)
	}
	slices.SortFunc(packaged, func(a, b string) int { return packagedVersion(b) - packagedVersion(a) })
	for _, folder := range append(folders, packaged...) {
		if isProgram(folder, "postgres") && isProgram(folder, "initdb") {
			return folder, nil
		}
	}
	return "", fmt.Errorf("find the programs postgres and initdb in PATH and %s/*/bin: they are not installed: install them with `%s`", root, installPostgres)
}

// packagedVersion is the major version in a path such as
// /usr/lib/postgresql/15/bin, or 0.
func packagedVersion(bin string) int {
	version, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	if err != nil {
		return 0
	}
	return version
}

func isProgram(folder, name string) bool {
	info, err := os.Stat(filepath.Join(folder, name))
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// DSN is the address of the server's first database, named carillon.
func (s *PostgresServer) DSN() string { return s.dsn(postgresUser) }

func (s *PostgresServer) dsn(database string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", postgresUser, s.port.addr(), database)
}

// Addr is the server's host:port.
func (s *PostgresServer) Addr() string { return s.port.addr() }

// Script runs SQL statements one after the other as the server's superuser, each by itself.
func (s *PostgresServer) Script(ctx context.Context, statements string) error {
	return s.asAdmin(ctx, func(conn *pgx.Conn) error {
		for statement := range strings.SplitSeq(statements, ";\n") {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

// Pid is the id of the server's first process, whose children do the work; 0 if
// it is not running.
func (s *PostgresServer) Pid() int { return s.daemon.pid() }

// CreateDatabase makes an empty database with a name of its own and returns its
// address.
func (s *PostgresServer) CreateDatabase(ctx context.Context) (dsn string, err error) {
	return s.CopyDatabase(ctx, s.dsn("template1"))
}

// CopyDatabase is CreateDatabase with all that is in another database, to which
// nobody may be connected meanwhile.
func (s *PostgresServer) CopyDatabase(ctx context.Context, from string) (dsn string, err error) {
	config, err := pgx.ParseConfig(from)
	if err != nil {
		return "", fmt.Errorf("copy database: %w", err)
	}
	name := fmt.Sprintf("%s_%d", postgresUser, s.databases.Add(1))
	if err := s.createDatabase(ctx, name, config.Database); err != nil {
		return "", err
	}
	return s.dsn(name), nil
}

func (s *PostgresServer) createDatabase(ctx context.Context, name, template string) error {
	err := s.asAdmin(ctx, func(conn *pgx.Conn) error {
		create := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize() + " TEMPLATE " + pgx.Identifier{template}.Sanitize()
		// Files are copied in a tenth of the time that the pages of our schema take one by one,
		// which is the default. Before PostgreSQL 15 there was no other way, and no word for it.
		var choice bool
		if err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int >= 150000").Scan(&choice); err != nil {
			return err
		}
		if choice {
			create += " STRATEGY FILE_COPY"
		}
		_, err := conn.Exec(ctx, create)
		return err
	})
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// DropDatabase ends the connections to a database of CreateDatabase and deletes
// it.
func (s *PostgresServer) DropDatabase(ctx context.Context, dsn string) error {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return fmt.Errorf("drop database: %w", err)
	}
	err = s.asAdmin(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{config.Database}.Sanitize()+" WITH (FORCE)")
		return err
	})
	if err != nil {
		return fmt.Errorf("drop database %s: %w", config.Database, err)
	}
	return nil
}

// Stop ends the server in good order; open transactions are rolled back and
// clients find the port closed. Start brings it back with its data.
func (s *PostgresServer) Stop() error {
	return s.daemon.stop(syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL)
}

// Kill ends the server without a checkpoint, as a crash would; Start then
// recovers what was committed.
func (s *PostgresServer) Kill() error { return s.daemon.stop(syscall.SIGQUIT, syscall.SIGKILL) }

// Start brings a stopped server back on the same port with the same data. It
// does nothing if the server is running.
func (s *PostgresServer) Start() error { return s.daemon.start() }

// Restart is Stop and Start.
func (s *PostgresServer) Restart() error {
	if err := s.Stop(); err != nil {
		return err
	}
	return s.Start()
}

// Close ends the server for good, frees its port and removes its temporary
// directory. It may be called again.
func (s *PostgresServer) Close() error {
	var errs []error
	if s.daemon != nil {
		errs = append(errs, s.Stop())
	}
	errs = append(errs, s.port.release(), s.directory.remove())
	return errors.Join(errs...)
}

func (s *PostgresServer) log() string { return s.daemon.tail() }
