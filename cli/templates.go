package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/providers"
	"carillon/templates"
)

func (c *cli) addTemplates(root *cobra.Command) {
	root.AddCommand(group("templates", "Keep messages in several languages",
		c.templatesLs(), c.templatesShow(), c.templatesCreate(), c.templatesSet(), c.templatesTranslate(), c.templatesRender(), c.templatesPreview(),
		c.templatesUses(), c.templatesVersions(), c.templatesDiff(), c.templatesCoverage(), c.templatesDuplicate(), c.templatesRm()))
}

func templatesPath() path { return v1("templates") }

func (c *cli) templateID(ctx context.Context, arg string) (int64, error) {
	return c.id(ctx, aTemplate, arg)
}

func (c *cli) templatesLs() *cobra.Command {
	var kind, category string
	cmd := &cobra.Command{Use: "ls", Short: "List templates"}
	cmd.Flags().StringVar(&kind, "kind", "", "those for this kind of channel alone, such as email")
	cmd.Flags().StringVar(&category, "category", "", "those of this category alone, such as marketing")
	return lists(c, cmd, func() path { return templatesPath().with(query{"kind": kind, "category": category}) },
		rows[templates.TemplateInfo]{"ID NAME VERSION KINDS LANGUAGES CATEGORY CHANGED", func(t templates.TemplateInfo) []any {
			kinds := make([]string, len(t.Kinds))
			for i, kind := range t.Kinds {
				kinds[i] = string(kind)
			}
			return []any{t.ID, t.Name, t.Version, strings.Join(kinds, ","), strings.Join(t.Languages, ","), t.Category, at(&t.ChangedAt)}
		}})
}

// templateTable shows a template with its texts.
func (c *cli) templateTable(w *tabwriter.Writer, t api.Template) {
	kinds := make([]string, len(t.Kinds))
	for i, kind := range t.Kinds {
		kinds[i] = string(kind)
	}
	fields(w, "Template", t.ID, "Name", t.Name, "Version", t.Version, "Category", t.Category, "Kinds", strings.Join(kinds, ", "),
		"Default", t.Default, "Fallback", strings.Join(t.Fallback, ", "), "Changed", at(&t.ChangedAt))
	for _, p := range t.Parameters {
		fields(w, "{{"+p.Name+"}}", p.Value+"  (such as "+p.Sample+")")
	}
	for _, s := range t.Statuses {
		fields(w, fmt.Sprintf("Channel %d, %s", s.ChannelID, s.Language), strings.TrimSpace(string(s.State)+" "+s.Reason))
	}
	for _, tr := range t.Translations {
		sayf(w, "\n%s\n", clean(tr.Language))
		if h := tr.Header; h != nil && h.Media != nil {
			fields(w, "Header", h.Media.Type+" "+h.Media.URL)
		} else if h != nil {
			fields(w, "Header", h.Text)
		}
		if e := tr.Email; e != nil {
			fields(w, "Subject", e.Subject, "Preheader", e.Preheader)
		}
		fields(w, "Footer", tr.Footer)
		for _, b := range tr.Buttons {
			fields(w, "Button", strings.Join(strings.Fields(b.Type+" "+b.Text+" "+b.URL+b.Suffix+" "+b.Phone+" "+b.Code), " "))
		}
		if tr.Body != "" {
			sayln(w, printable(tr.Body))
		}
		if e := tr.Email; e != nil && e.MJML+e.HTML+e.Text != "" {
			sayln(w, strings.TrimSuffix(printable(e.MJML+e.HTML+e.Text), "\n"))
		}
	}
}

func (c *cli) templatesShow() *cobra.Command {
	var version int
	cmd := &cobra.Command{Use: "show ID", Short: "Show a template with its texts"}
	cmd.Flags().IntVar(&version, "version", 0, "a version of it; the latest if left out")
	return onID(cmd, c.templateID, func(ctx context.Context, id int64) error {
		p := templatesPath().id(id)
		if version != 0 {
			p = p.below("versions").id(int64(version))
		}
		return show(ctx, c, get(p), c.templateTable)
	})
}

const templateFileDoc = `The file is JSON, as "carillon templates show ID -o json" prints it: category, kinds, default_language, fallback,
parameters with name, value and sample, and translations with language, header, body, footer, buttons and email.`

func (c *cli) templatesCreate() *cobra.Command {
	var file string
	var in api.TemplateInput
	var kinds []string
	var category string
	cmd := &cobra.Command{Use: "create NAME", Short: "Save a new template", Args: cobra.ExactArgs(1),
		Long: `Saves a new template. Without --file it has no translation yet: "carillon templates translate" adds one.
` + templateFileDoc,
		Example: `  carillon templates create order_shipped --kind email --language en
  carillon templates create order_shipped --file order_shipped.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if file != "" {
				if err := c.readJSON(file, &in.Definition); err != nil {
					return err
				}
			} else {
				for _, kind := range kinds {
					in.Kinds = append(in.Kinds, providers.AddressKind(kind))
				}
				in.Category = templates.Category(category)
				if len(kinds) == 0 || in.Default == "" {
					return usagef("a template needs --kind and --language, or --file")
				}
			}
			in.Name = args[0]
			if in.Translations == nil {
				in.Translations = []templates.Translation{}
			}
			return show(cmd.Context(), c, post(templatesPath(), in), c.templateTable)
		}}
	cmd.Flags().StringVar(&file, "file", "", "file with the template as JSON, - for standard input")
	cmd.Flags().StringSliceVar(&kinds, "kind", nil, "kinds of channel that it is for, such as email,whatsapp")
	cmd.Flags().StringVar(&category, "category", "", "marketing, utility, authentication, or one of MessengerPeople's")
	cmd.Flags().StringVar(&in.Default, "language", "", "the language for people who have none that it speaks")
	cmd.Flags().StringSliceVar(&in.Fallback, "fallback", nil, "languages that are tried before that one")
	for _, flag := range []string{"kind", "category", "language", "fallback"} {
		cmd.MarkFlagsMutuallyExclusive("file", flag)
	}
	return cmd
}

func (c *cli) templatesSet() *cobra.Command {
	var file string
	cmd := &cobra.Command{Use: "set ID", Short: "Save a template in a new version",
		Long: "Saves a template in a new version; what changes nothing makes none. With a version in the file, it is refused\n" +
			"if that is not the latest any more.\n" + templateFileDoc,
		Example: "  carillon templates show 3 -o json > order_shipped.json\n  carillon templates set 3 --file order_shipped.json"}
	cmd.Flags().StringVar(&file, "file", "", "file with the template as JSON, - for standard input")
	return onID(cmd, c.templateID, func(ctx context.Context, id int64) error {
		if file == "" {
			return usagef("say what it is to be: --file")
		}
		var in api.TemplateChange
		if err := c.readJSON(file, &in); err != nil {
			return err
		}
		if in.Translations == nil {
			in.Translations = []templates.Translation{}
		}
		return show(ctx, c, put(templatesPath().id(id), in), c.templateTable)
	})
}

func (c *cli) templatesTranslate() *cobra.Command {
	var file, text, textFile, header, footer, mjml, html string
	var e templates.Email
	cmd := &cobra.Command{Use: "translate ID LANGUAGE", Args: cobra.ExactArgs(2),
		Short: "Save a translation of a template, new or instead of the one into its language",
		Long: "Saves a template in a new version with a translation. MJML is compiled, and the styles of HTML are written into its\n" +
			"elements; a text part is made of either.\n" +
			"The file has header, body, footer, buttons and email as JSON.",
		Example: `  carillon templates translate 3 de --text 'Hallo {{1}}, Ihr Paket ist unterwegs.'
  carillon templates translate 3 de --subject 'Unterwegs' --mjml-file shipped.de.mjml
  carillon templates translate 3 de --file shipped.de.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.templateID(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			var in api.TranslationInput
			if file != "" {
				if err := c.readJSON(file, &in); err != nil {
					return err
				}
				return show(cmd.Context(), c, put(templatesPath().id(id).below("translations", args[1]), in), c.templateTable)
			}
			in.Body, in.Footer = text, footer
			for _, part := range []struct {
				file string
				into *string
			}{{textFile, &in.Body}, {mjml, &e.MJML}, {html, &e.HTML}} {
				if part.file == "" {
					continue
				}
				content, err := c.readFile(part.file)
				if err != nil {
					return err
				}
				*part.into = string(content)
			}
			if header != "" {
				in.Header = &templates.Header{Text: header}
			}
			if e != (templates.Email{}) {
				in.Email = &e
			}
			if in.Body == "" && in.Email == nil {
				return usagef("a translation needs --text, --text-file, --mjml-file, --html-file or --file")
			}
			return show(cmd.Context(), c, put(templatesPath().id(id).below("translations", args[1]), in), c.templateTable)
		}}
	flags := cmd.Flags()
	flags.StringVar(&file, "file", "", "file with the translation as JSON, - for standard input")
	flags.StringVar(&text, "text", "", "the text")
	flags.StringVar(&textFile, "text-file", "", "file with the text, - for standard input")
	flags.StringVar(&header, "header", "", "a line above the text")
	flags.StringVar(&footer, "footer", "", "a line below the text")
	flags.StringVar(&e.Subject, "subject", "", "the subject of an e-mail")
	flags.StringVar(&e.Preheader, "preheader", "", "the preview line of an e-mail")
	flags.StringVar(&mjml, "mjml-file", "", "file with MJML, - for standard input")
	flags.StringVar(&html, "html-file", "", "file with HTML, - for standard input")
	cmd.MarkFlagsMutuallyExclusive("text", "text-file")
	cmd.MarkFlagsMutuallyExclusive("mjml-file", "html-file")
	for _, flag := range []string{"text", "text-file", "header", "footer", "subject", "preheader", "mjml-file", "html-file"} {
		cmd.MarkFlagsMutuallyExclusive("file", flag)
	}
	return cmd
}

func (c *cli) templatesRender() *cobra.Command {
	var in api.RenderInput
	var html bool
	var params map[string]string
	var data dataFlags
	cmd := &cobra.Command{Use: "render ID", Short: "Show a template as somebody gets it",
		Long: "Renders a template for a contact, in the language that it chooses for it, or with its samples. Nothing is sent."}
	flags := cmd.Flags()
	flags.Int64Var(&in.ContactID, "contact", 0, "id of a contact; the samples if left out")
	flags.StringVar(&in.Language, "language", "", "a language of the template instead of the one that it chooses")
	flags.StringVar(&in.Kind, "kind", "", "kind of channel; the first that the template is for if left out")
	flags.IntVar(&in.Version, "version", 0, "a version of it; the latest if left out")
	flags.StringToStringVar(&params, "param", nil, "values instead of those of parameters, such as 1=Ada")
	data.add(cmd)
	flags.StringVar(&in.FeedURL, "feed", "", "https address of a JSON document that stands as feed")
	flags.BoolVar(&html, "html", false, "show the HTML instead of the text")
	return onID(cmd, c.templateID, func(ctx context.Context, id int64) (err error) {
		if in.Data, err = data.read(c); err != nil {
			return err
		}
		in.Params = params
		return show(ctx, c, post(templatesPath().id(id).below("render"), in), renderingTable(html))
	})
}

func (c *cli) templatesPreview() *cobra.Command {
	var in api.DraftInput
	var html bool
	var params map[string]string
	var data dataFlags
	cmd := &cobra.Command{Use: "preview FILE", Short: "Show a template of a file as somebody gets it, without saving it", Args: cobra.ExactArgs(1),
		Long: "Renders a template that is not saved, for a contact or with its samples. Nothing is kept or sent.\n" + templateFileDoc}
	flags := cmd.Flags()
	flags.Int64Var(&in.ContactID, "contact", 0, "id of a contact; the samples if left out")
	flags.StringVar(&in.Language, "language", "", "a language of the template instead of the one that it chooses")
	flags.StringVar(&in.Kind, "kind", "", "kind of channel; the first that the template is for if left out")
	flags.StringToStringVar(&params, "param", nil, "values instead of those of parameters, such as 1=Ada")
	data.add(cmd)
	flags.BoolVar(&html, "html", false, "show the HTML instead of the text")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if err := c.readJSON(args[0], &in.Definition); err != nil {
			return err
		}
		if in.Data, err = data.read(c); err != nil {
			return err
		}
		in.Params = params
		return show(cmd.Context(), c, post(templatesPath().below("preview"), in), renderingTable(html))
	}
	return cmd
}

// renderingTable shows what somebody gets, as text or as its HTML.
func renderingTable(html bool) func(w *tabwriter.Writer, r api.Rendering) {
	return func(w *tabwriter.Writer, r api.Rendering) {
		version := "not saved"
		if r.Version != 0 {
			version = strconv.Itoa(r.Version)
		}
		fields(w, "Language", r.Language+" ("+r.Choice+")", "Version", version, "Subject", r.Content.Subject, "Preheader", r.Content.Preheader)
		if a := r.Content.Attachment; a != nil {
			fields(w, "File", a.URL)
		}
		text := r.Content.Text
		if html {
			text = r.Content.HTML
		}
		for _, b := range r.Content.Buttons {
			fields(w, "Button", buttonWords(b))
		}
		sayf(w, "\n%s\n", strings.TrimSuffix(printable(text), "\n"))
	}
}

func (c *cli) templatesUses() *cobra.Command {
	return onID(&cobra.Command{Use: "uses ID", Short: "List the campaigns that are not over and use a template"}, c.templateID,
		func(ctx context.Context, id int64) error {
			return show(ctx, c, get(templatesPath().id(id).below("uses")), func(w *tabwriter.Writer, uses api.TemplateUses) {
				if len(uses.Items) == 0 {
					sayln(w, "No campaign that is not over uses it.")
					return
				}
				sayln(w, "CAMPAIGN\tNAME\tSTATUS")
				for _, use := range uses.Items {
					sayf(w, "%d\t%s\t%s\n", use.CampaignID, clean(use.Name), use.Status)
				}
			})
		})
}

func (c *cli) templatesVersions() *cobra.Command {
	var limit int
	cmd := &cobra.Command{Use: "versions ID", Short: "List the versions of a template"}
	limitFlag(cmd, &limit)
	return onID(cmd, c.templateID, func(ctx context.Context, id int64) error {
		return showList(ctx, c, templatesPath().id(id).below("versions"), limit,
			rows[templates.TemplateVersion]{"VERSION LANGUAGES MADE", func(v templates.TemplateVersion) []any {
				return []any{v.Version, strings.Join(v.Languages, ","), at(&v.CreatedAt)}
			}})
	})
}

func (c *cli) templatesDiff() *cobra.Command {
	var from, to int
	cmd := &cobra.Command{Use: "diff ID", Short: "Show in what two versions of a template differ"}
	cmd.Flags().IntVar(&from, "from", 0, "the version before; the one before --to if left out")
	cmd.Flags().IntVar(&to, "to", 0, "the version after; the latest if left out")
	return onID(cmd, c.templateID, func(ctx context.Context, id int64) error {
		return show(ctx, c, get(templatesPath().id(id).below("diff").with(query{"from": from, "to": to})), func(_ *tabwriter.Writer, d api.TemplateChanges) {
			if len(d.Items) == 0 {
				sayf(c.out, "Versions %d and %d are the same.\n", d.From, d.To)
			}
			for _, change := range d.Items {
				sayf(c.out, "%s\n%s", clean(change.Field), printable(change.Diff))
			}
		})
	})
}

func (c *cli) templatesCoverage() *cobra.Command {
	var kind string
	cmd := &cobra.Command{Use: "coverage ID", Short: "Count the contacts by the language in which they would get a template"}
	cmd.Flags().StringVar(&kind, "kind", "", "count those alone who have an address of this kind, such as email")
	return onID(cmd, c.templateID, func(ctx context.Context, id int64) error {
		return show(ctx, c, get(templatesPath().id(id).below("coverage").with(query{"kind": kind})), func(w *tabwriter.Writer, covered templates.Coverage) {
			for _, l := range covered.Languages {
				fields(w, l.Language, l.People)
			}
			for _, l := range covered.Missing {
				if l.Language == "" {
					sayf(w, "%d people have no language\n", l.People)
				} else {
					sayf(w, "%d people have %s, which it does not speak\n", l.People, clean(l.Language))
				}
			}
		})
	})
}

func (c *cli) templatesDuplicate() *cobra.Command {
	return &cobra.Command{Use: "duplicate ID NAME", Short: "Save a template under another name", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := c.templateID(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return show(cmd.Context(), c, post(templatesPath().id(id).below("duplicate"), api.TemplateName{Name: args[1]}), c.templateTable)
		}}
}

func (c *cli) templatesRm() *cobra.Command {
	cmd := &cobra.Command{Use: "rm ID", Short: "Delete a template; its name stays reserved for 30 days"}
	return onID(cmd, c.templateID, func(ctx context.Context, id int64) error {
		if err := c.do(ctx, remove(templatesPath().id(id))); err != nil {
			return err
		}
		return c.print(json.RawMessage(fmt.Sprintf(`{"deleted":%d}`, id)), func(w *tabwriter.Writer) {
			sayf(w, "Template %d is deleted.\n", id)
		})
	})
}
