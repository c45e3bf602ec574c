package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"carillon/app"
	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/fault"
)

// cli is one invocation of the program.
type cli struct {
	// program is how the program was called; empty for its name.
	program  string
	in       io.Reader
	out, err io.Writer
	environ  []string
	clock    clock.Clock
	// terminal says that a person sits at both ends: there is a progress bar,
	// and questions are asked.
	terminal bool
	run      func(ctx context.Context, c configs.Config, roles app.Roles) error
	migrate  func(ctx context.Context, c configs.Config) ([]string, error)

	// transport carries the requests; nil is the usual one.
	transport http.RoundTripper
	// keyless commands need no key, and use one where there is one.
	keyless bool

	// lines reads the answers to questions.
	lines *bufio.Reader

	// connected is the way to the server once it was needed.
	connecting sync.Mutex
	connected  *client

	// What the flags of every command say.
	configFile, dataDir, server, key, caFile, output string
	progress                                         bool

	// began says that the command line was understood: errors before that are
	// errors of usage.
	began bool
}

const longHelp = `Carillon sends campaigns and notifications: each message once, each accounted for.

  carillon serve                                   start a server here, data in ./data
  carillon channel create news --provider smtp --set host=mail.example.org ...
  carillon import people.csv                       take contacts in
  carillon campaign create --name Spring --channel news --upload 1 \
           --subject 'Hello {{ contact.first_name }}' --text-file spring.txt
  carillon campaign preview 1                      who gets it, how it reads, how long it takes
  carillon campaign start 1 --watch                send it and watch
  carillon verify 1                                prove that everybody is accounted for

All commands but serve, api, scheduler, worker, migrate and config talk to a running server:
--server, or CARILLON_SERVER, says where (default ` + defaultServer + `); the key comes from
--key, CARILLON_KEY, or admin.key in the data folder. Of an https:// address whose certificate is
signed by an authority of your own, --ca-file, or CARILLON_CA_FILE, names that one's.

Exit codes: 0 done · 1 failed · 2 wrong usage · 3 not found · 4 refused: the input or the state of
things forbids it · 5 verify or status: something is wrong · 6 no server or database answers · 7 the key
does not allow it · 8 there is no key, or none that is known · 9 the port is in use`

// execute runs the program and returns its exit code.
func (c *cli) execute(ctx context.Context, args []string) int {
	root := c.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	code := exitCode(err)
	if !c.began {
		code = exitUsage
	}
	if text := fault.Lines(err); text != "" {
		sayln(c.err, "carillon: "+text)
	}
	if code == exitUsage {
		if cmd.HasSubCommands() {
			sayln(c.err, cmd.CommandPath()+" --help shows the commands.")
		} else {
			sayln(c.err, "Usage: "+cmd.UseLine()+"\n"+cmd.CommandPath()+" --help shows more.")
		}
	}
	return code
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use: "carillon", Short: "Durable bulk campaigns and notifications", Long: longHelp,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains([]string{"table", "json"}, c.output) {
				return fmt.Errorf("--output %s: must be table or json", c.output)
			}
			return nil
		},
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	flags := root.PersistentFlags()
	flags.StringVar(&c.configFile, "config", "", "configuration file (default "+configs.DefaultFile+" if it exists)")
	flags.StringVar(&c.dataDir, "data-dir", "", "folder of the embedded store and of the keys (default ./data)")
	flags.StringVar(&c.server, "server", "", "address of the server to talk to (default "+defaultServer+")")
	flags.StringVar(&c.key, "key", "", "API key (better in CARILLON_KEY: others on the machine can read a command line)")
	flags.StringVar(&c.caFile, "ca-file", "", "PEM file of authorities whose certificates of servers are trusted, too (or CARILLON_CA_FILE)")
	flags.StringVarP(&c.output, "output", "o", "table", "form of the answer: table or json")
	flags.BoolVar(&c.progress, "progress", false, "show progress on standard error even if that is no terminal")
	root.AddGroup(&cobra.Group{ID: "work", Title: "Work with a server:"}, &cobra.Group{ID: "server", Title: "Run a server:"})
	c.addServerCommands(root)
	c.addDemo(root)
	c.addSink(root)
	c.addBench(root)
	c.addImport(root)
	c.addMigrateFrom(root)
	c.addContacts(root)
	c.addProperties(root)
	c.addAttributes(root)
	c.addLists(root)
	c.addJobs(root)
	c.addTargeting(root)
	c.addFilters(root)
	c.addSuppressions(root)
	c.addReplies(root)
	c.addConversations(root)
	c.addLog(root)
	c.addMedia(root)
	c.addCaps(root)
	c.addSnippets(root)
	c.addVariables(root)
	c.addSeries(root)
	c.addSettings(root)
	c.addTemplates(root)
	c.addChannels(root)
	c.addCampaigns(root)
	c.addSchedules(root)
	c.addHolidays(root)
	c.addWebhooks(root)
	c.addStats(root)
	c.addDoctor(root)
	c.addRotate(root)
	c.addRetention(root)
	c.addFlows(root)
	c.addEvents(root)
	c.addCalendar(root)
	c.addMessages(root)
	c.addQueue(root)
	c.addStatus(root)
	c.addProofs(root)
	c.addKeys(root)
	c.addUsers(root)
	c.addIdentityProviders(root)
	c.addAccounts(root)
	c.noteBeginning(root)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return plainFlagError(err) })
	return root
}

// plainFlagError says of a flag's value what it should be, where the flag library
// quotes Go's number parser.
func plainFlagError(err error) error {
	var number *strconv.NumError
	if !errors.As(err, &number) {
		return err
	}
	before, _, _ := strings.Cut(err.Error(), ": strconv.")
	kind := "whole number"
	switch number.Func {
	case "ParseFloat":
		kind = "number"
	case "ParseBool":
		kind = "true or false"
	}
	if errors.Is(number.Err, strconv.ErrRange) {
		return fmt.Errorf("%s: %q is too large", before, number.Num)
	}
	return fmt.Errorf("%s: %q is no %s", before, number.Num, kind)
}

// noteBeginning sets began once a command's line was understood: its arguments,
// its flags and what they require of each other.
func (c *cli) noteBeginning(cmd *cobra.Command) {
	for _, run := range []*func(*cobra.Command, []string) error{&cmd.PreRunE, &cmd.RunE} {
		if does := *run; does != nil {
			*run = func(cmd *cobra.Command, args []string) error {
				c.began = true
				return does(cmd, args)
			}
		}
	}
	for _, sub := range cmd.Commands() {
		c.noteBeginning(sub)
	}
}

// group makes a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, GroupID: "work", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return noSuchCommand(cmd, args[0])
		},
	}
	// Of a command that there is not its flags are not either: the command is named.
	cmd.SetFlagErrorFunc(func(of *cobra.Command, err error) error {
		if words := of.Flags().Args(); of == cmd && len(words) > 0 {
			return noSuchCommand(cmd, words[0])
		}
		return plainFlagError(err)
	})
	cmd.AddCommand(commands...)
	return cmd
}

// noSuchCommand says which commands a group has.
func noSuchCommand(cmd *cobra.Command, name string) error {
	var names []string
	for _, sub := range cmd.Commands() {
		names = append(names, sub.Name())
	}
	return usagef("%s %s: there is no such command; there are %s", cmd.CommandPath(), name, strings.Join(names, ", "))
}

// load reads the configuration with what the flags of every command say.
func (c *cli) load(flags map[string]string) (configs.Config, error) {
	all := map[string]string{}
	for name, value := range flags {
		all[name] = value
	}
	if c.dataDir != "" {
		all["data_dir"] = c.dataDir
	}
	return configs.Load(configs.Options{File: c.configFile, Environ: c.environ, Flags: all})
}

// env is an environment variable; empty if it isn't set.
func (c *cli) env(name string) string {
	for _, entry := range c.environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}
