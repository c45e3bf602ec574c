package cli

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/app"
	"carillon/configs"
)

// settingFlags adds a flag for every setting and returns what was given.
func settingFlags(cmd *cobra.Command) func() map[string]string {
	names := map[string]string{}
	for _, s := range configs.Settings() {
		name, doc := s.Flag(), s.Doc
		setting := s.Name
		if s.Secret {
			name, setting = s.FileFlag(), s.Name+"_file"
			doc = "File that holds " + s.Env() + ": " + s.Doc
		}
		if name == "data-dir" {
			continue // every command has it
		}
		if s.Bool() {
			cmd.Flags().Bool(name, false, doc)
		} else {
			cmd.Flags().String(name, "", doc+defaultNote(s))
		}
		names[name] = setting
	}
	return func() map[string]string {
		given := map[string]string{}
		for name, setting := range names {
			if flag := cmd.Flags().Lookup(name); flag != nil && flag.Changed {
				given[setting] = flag.Value.String()
			}
		}
		return given
	}
}

func defaultNote(s configs.Setting) string {
	if s.Default == "" || s.Secret {
		return ""
	}
	return " (default " + s.Default + ")"
}

// needsServers is said of the roles that share a store and a queue.
const needsServers = "Needs CARILLON_STORE_DSN=postgres://… and CARILLON_REDIS_URL=redis://…; "

func (c *cli) addServerCommands(root *cobra.Command) {
	for _, role := range []struct {
		use, short, long string
		roles            app.Roles
	}{
		{"serve", "Run everything in one process", `Runs API, scheduler and workers in one process, with the store and Redis inside it unless they are configured.

The first start makes an administrator's key, keeps it in admin.key in the data folder and shows it
once, on a terminal only.`,
			app.Roles{API: true, Scheduler: true, Worker: true}},
		{"api", "Run the API alone", "Serves the API. " + needsServers + "any number may run.", app.Roles{API: true}},
		{"scheduler", "Run the scheduler alone", "Plans, feeds and cleans up. " + needsServers + "any number may run, one leads.", app.Roles{Scheduler: true}},
		{"worker", "Run a worker alone", "Sends. " + needsServers + "any number may run.", app.Roles{Worker: true}},
	} {
		cmd := &cobra.Command{Use: role.use, Short: role.short, Long: role.long, GroupID: "server", Args: cobra.NoArgs,
			Example: "  carillon " + role.use + "\n  CARILLON_STORE_DSN=postgres://carillon@db/carillon CARILLON_REDIS_URL=redis://redis:6379/0 carillon " + role.use}
		given := settingFlags(cmd)
		cmd.RunE = func(cmd *cobra.Command, _ []string) error {
			config, err := c.load(given())
			if err != nil {
				return err
			}
			if role.use != "serve" {
				if err := config.RequireShared(role.use); err != nil {
					return err
				}
			}
			return c.run(cmd.Context(), config, role.roles)
		}
		root.AddCommand(cmd)
	}
	root.AddCommand(c.migrateCommand(), c.configCommand(), c.versionCommand())
}

func (c *cli) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "migrate", Short: "Bring the store's schema to the newest version", GroupID: "server", Args: cobra.NoArgs,
		Long:    "Applies what is missing, each step in one transaction. The embedded store does this at every start by itself.",
		Example: "  CARILLON_STORE_DSN=postgres://carillon@db/carillon carillon migrate"}
	given := settingFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		config, err := c.load(given())
		if err != nil {
			return err
		}
		applied, err := c.migrate(cmd.Context(), config)
		for _, name := range applied {
			sayln(c.out, "applied "+name)
		}
		if err == nil && len(applied) == 0 {
			sayln(c.out, "nothing to do: the schema is the newest")
		}
		return err
	}
	return cmd
}

func (c *cli) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Show the configuration in force and where each value came from", GroupID: "server", Args: cobra.NoArgs,
		Long: "Shows every setting with its value and its source; secrets are masked. " +
			"Flags win over CARILLON_* variables, those over the file, that over the defaults.\n" +
			"`carillon config --example` writes a file that names every setting.",
		Example: "  carillon config\n  carillon config --example > carillon.yaml"}
	given := settingFlags(cmd)
	example := cmd.Flags().Bool("example", false, "write an example file instead")
	cmd.RunE = func(_ *cobra.Command, _ []string) error {
		if *example {
			_, err := fmt.Fprint(c.out, configs.Example())
			return err
		}
		config, err := c.load(given())
		if err != nil {
			return err
		}
		for _, notice := range config.Notices() {
			sayln(c.err, "carillon: "+notice)
		}
		return printList(c, config.InForce(), false, rows[configs.InForce]{"SETTING VALUE FROM", func(l configs.InForce) []any {
			return []any{l.Name, l.Value, l.Origin}
		}})
	}
	return cmd
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Show the version", GroupID: "server", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			raw, err := json.Marshal(map[string]string{"version": app.Version})
			if err != nil {
				return fmt.Errorf("print version: %w", err)
			}
			return c.print(raw, func(w *tabwriter.Writer) { sayln(w, "carillon "+app.Version) })
		}}
}
