package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/store"
	"carillon/store/storetest"
	"carillon/targeting"
)

func TestManyValuesAreAJobs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		testProperties(t, s, property.Property{AccountID: account, Key: "age", Type: property.Text})
		const n = store.ValuesInOne + 3
		store.WithValues(t, s.Store, store.Valued{Account: account, Key: "age", N: n, Value: func(i int) string { return fmt.Sprintf(`"%d,5"`, i) }})
		properties := contacts.NewProperties(s)
		number := property.Number
		after, effect, err := properties.Update(ctx, account, "age", contacts.PropertyChange{Type: &number}, false)
		require.NoError(t, err)
		require.Equal(t, property.Number, after.Type)
		require.NotZero(t, effect.JobID)
		worked, err := s.RunJobBatch(ctx)
		require.NoError(t, err)
		require.True(t, worked)
		label := "Age"
		_, _, err = properties.Update(ctx, account, "age", contacts.PropertyChange{Label: &label}, false)
		require.True(t, fault.Is(err, fault.Conflict), "one after the other")
		require.ErrorContains(t, err, fmt.Sprintf("job %d", effect.JobID))
		_, err = properties.Delete(ctx, account, "age", false)
		require.True(t, fault.Is(err, fault.Conflict))
		finish(t, s)
		job, err := s.GetJob(ctx, account, effect.JobID)
		require.NoError(t, err)
		require.Equal(t, targeting.JobFinished, job.State)
		require.Empty(t, job.Error)
		require.Equal(t, []int64{n, n, n}, []int64{job.Total, job.Done, job.Changed})
		list := store.ColumnsOf(t, s.Store, "attributes")
		require.JSONEq(t, `{"age":0.5,"other":"Ä"}`, list[0])
		require.JSONEq(t, fmt.Sprintf(`{"age":%d.5,"other":"Ä"}`, n-1), list[n-1])

		effect, err = properties.Delete(ctx, account, "age", false)
		require.NoError(t, err)
		require.NotZero(t, effect.JobID)
		_, err = properties.Create(ctx, property.Property{AccountID: account, Key: "age", Type: property.Text})
		require.True(t, fault.Is(err, fault.Conflict), "the old values would come back")
		finish(t, s)
		for _, attributes := range store.ColumnsOf(t, s.Store, "attributes") {
			require.JSONEq(t, `{"other":"Ä"}`, attributes)
		}
		_, err = properties.Create(ctx, property.Property{AccountID: account, Key: "age", Type: property.Text})
		require.NoError(t, err)
	})
}
