package signintest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// certified starts the certified provider, which says where it is.
func certified(t *testing.T, with object) (issuer string) {
	t.Helper()
	tools, err := filepath.Abs("../../tools/openid")
	require.NoError(t, err)
	if _, err := os.Stat(filepath.Join(tools, "node_modules", "oidc-provider")); err != nil {
		bounded, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		install := exec.CommandContext(bounded, "npm", "ci", "--no-audit", "--no-fund")
		install.Dir = tools
		output, err := install.CombinedOutput()
		require.NoError(t, err, "npm installs the provider (Node 20 or newer is needed): %s", output)
	}
	argument, err := json.Marshal(with)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "node", "provider.mjs", string(argument))
	cmd.Dir = tools
	var wrong strings.Builder
	cmd.Stderr = &wrong
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(wrong.String())
		}
	})
	said, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, "%s", wrong.String())
	return strings.TrimSpace(said)
}

var (
	formAction = regexp.MustCompile(`action="([^"]+)"`)
	formPrompt = regexp.MustCompile(`name="prompt" value="([^"]+)"`)
)

// consent goes through the provider's pages as a person does, and returns the address that the
// browser is sent back to.
func consent(t *testing.T, at *url.URL, login, back string) url.Values {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	var returned url.Values
	client := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), back+"?") {
			returned = r.URL.Query()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	page, err := client.Get(at.String())
	for steps := 0; returned == nil; steps++ {
		require.NoError(t, err)
		require.Less(t, steps, 5)
		var text strings.Builder
		_, err = bufio.NewReader(page.Body).WriteTo(&text)
		require.NoError(t, err)
		require.NoError(t, page.Body.Close())
		action, prompt := formAction.FindStringSubmatch(text.String()), formPrompt.FindStringSubmatch(text.String())
		require.True(t, action != nil && prompt != nil, "%d %s", page.StatusCode, text.String())
		form := url.Values{"prompt": {prompt[1]}, "login": {login}, "password": {"any"}}
		page, err = client.PostForm(action[1], form)
	}
	require.NoError(t, err)
	require.NoError(t, page.Body.Close())
	return returned
}

// By its standard the provider tells nothing in what it signs but who it is, and the rest by its
// userinfo endpoint; and as most do, all in what it signs.
func TestSignInThroughACertifiedProvider(t *testing.T) {
	p := serve(t)
	throughCertified(t, p, "1", true)
	throughCertified(t, p, "2", false)
}

// throughCertified has people sign in through a provider, whose id is the next.
func throughCertified(t *testing.T, p *program, next string, conform bool) {
	t.Helper()
	domain := next + ".example.org"
	redirect := p.base + "/sign-in/" + next + "/callback"
	issuer := certified(t, object{"client": clientID, "secret": clientSecret, "redirect": redirect, "conform": conform, "people": object{
		"ada": object{"email": "Ada@" + domain, "email_verified": true, "name": "Ada Lovelace", "groups": []string{"staff", "marketing"}},
		"bob": object{"email": "bob@" + domain, "email_verified": true, "name": "Bob", "groups": []string{"staff"}},
		"eve": object{"email": "eve@" + domain, "email_verified": false, "name": "Eve", "groups": []string{"marketing"}},
	}})
	made := p.ask(http.MethodPost, "/v1/identity-providers", object{"name": "corp " + next, "issuer": issuer, "client_id": clientID,
		"client_secret": clientSecret, "scopes": []string{"email", "profile", "groups"}, "domains": []string{domain},
		"roles": []object{{"group": "marketing", "role": "editor"}}})
	id, back := fmt.Sprint(made["id"]), fmt.Sprint(made["redirect_url"])
	through := func(login string) (*browser, answer) {
		b := p.browser("192.0.2." + next)
		sent := b.call(http.MethodGet, "/sign-in/"+id, "")
		require.Equal(t, http.StatusSeeOther, sent.status, sent.body)
		return b, b.comeBack(id, consent(t, sent.location, login, back))
	}
	ada, in := through("ada")
	require.Equal(t, http.StatusSeeOther, in.status, in.body)
	who := ada.session()
	require.Equal(t, "ada@"+domain, who["email"])
	require.Equal(t, "Ada Lovelace", who["name"])
	require.Equal(t, "editor", ada.role())
	for login, says := range map[string]string{"bob": "no role here", "eve": "nobody here does"} {
		b, refused := through(login)
		require.Equal(t, http.StatusForbidden, refused.status, refused.body)
		require.Contains(t, refused.body, says)
		require.Nil(t, b.session())
	}
	again, in := through("ada")
	require.Equal(t, http.StatusSeeOther, in.status, in.body)
	require.Equal(t, who["user_id"], again.session()["user_id"])
}
